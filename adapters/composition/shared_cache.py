"""Makes the client of the shared cache and its backplane from the settings."""

import logging
import random
import secrets

from shelfport.adapters.config.settings import Settings, SettingsError
from shelfport.adapters.layers import Backplane, CacheLayer, SharedCacheClient
from shelfport.adapters.runtime.background import Background
from shelfport.ports import Clock, Listener
from shelfport.ports.shared_store import SharedStore

logger = logging.getLogger("shelfport.container")


def make_shared_cache(
    settings: Settings,
    store: SharedStore | None,
    clock: Clock,
    background: Background,
    listener: Listener,
) -> SharedCacheClient | None:
    """The client of the shared cache in `store`; None without a store."""
    if store is None:
        return None
    return SharedCacheClient(store, settings.shared_cache, clock, background, listener)


def make_backplane(
    shared_cache: SharedCacheClient | None,
    memory: CacheLayer,
    clock: Clock,
    background: Background,
    listener: Listener,
) -> Backplane | None:
    """The backplane that invalidates `memory` for other replicas; None without a shared cache."""
    if shared_cache is None:
        return None
    return Backplane(shared_cache, memory, clock, random.uniform, background, listener)


def store_of(shared_cache: SharedCacheClient | None) -> object:
    """The store of the shared cache, which is opened and closed; None without a shared cache."""
    return None if shared_cache is None else shared_cache.store


def make_store(settings: Settings) -> SharedStore | None:
    """The store of the shared cache at `shared_cache.url`, not open yet; None without a URL.

    Raises:
        SettingsError: its extra is not installed.
    """
    if settings.shared_cache.url is None:
        return None
    try:
        from shelfport.adapters.redis import RedisClient, RedisStore  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "redis":
            raise
        raise SettingsError(
            'shared_cache.url is set, but redis is not installed: pip install "shelfport[redis]"'
        ) from error
    client = RedisClient(settings.shared_cache)
    if client.sends_password_in_the_clear:
        logger.warning(
            "the password of %s is sent without encryption: use rediss://",
            client,
            extra={"event": "inventory.plain_redis", "store": str(client)},
        )
    return RedisStore(
        client, settings.shared_cache.prefix, secrets.token_bytes(8), lambda: secrets.token_hex(8)
    )
