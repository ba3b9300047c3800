"""The cache that replicas share, where the settings name one."""

import logging
import random
import secrets

from shelfport.adapters.config.settings import Settings, SettingsError
from shelfport.adapters.layers import Backplane, CacheLayer, SharedCacheClient
from shelfport.adapters.runtime.background import Background
from shelfport.ports import Clock, Listener
from shelfport.ports.shared_store import SharedStore

logger = logging.getLogger("shelfport.container")


def make_second_level(
    settings: Settings, clock: Clock, background: Background, listener: Listener
) -> SharedCacheClient | None:
    """What bounds the cache at `shared_cache.url`; None without one.

    Raises:
        SettingsError: its extra is not installed.
    """
    store = _store(settings)
    if store is None:
        return None
    return SharedCacheClient(store, settings.shared_cache, clock, background, listener)


def make_change_feed(
    second_level: SharedCacheClient | None,
    memory: CacheLayer,
    clock: Clock,
    background: Background,
    listener: Listener,
) -> Backplane | None:
    """What tells `memory` of what other replicas learn; None where they share nothing."""
    if second_level is None:
        return None
    return Backplane(second_level, memory, clock, random.uniform, background, listener)


def store_of(second_level: SharedCacheClient | None) -> object:
    """What is to be opened for it."""
    return None if second_level is None else second_level.store


def _store(settings: Settings) -> SharedStore | None:
    if settings.shared_cache.url is None:
        return None
    try:
        # Here, so that a missing extra is a sentence, and the default installation needs none.
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
            "the password of %s is not encrypted on the way: use rediss://",
            client,
            extra={"event": "inventory.plain_redis", "store": str(client)},
        )
    return RedisStore(
        client, settings.shared_cache.prefix, secrets.token_bytes(8), lambda: secrets.token_hex(8)
    )
