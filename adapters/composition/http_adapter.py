"""Makes the adapter over HTTP from the settings."""

import logging
from collections.abc import Callable

from shelfport.adapters.config.settings import Settings
from shelfport.adapters.http import HostSecret, HttpInventory
from shelfport.adapters.http.replies import no_listener
from shelfport.adapters.http.transport.observer import NoObserver
from shelfport.ports import Clock, InventoryPort, Listener
from shelfport.ports.snapshot import TlsSnapshot
from shelfport.ports.telemetry import RequestObserver

logger = logging.getLogger("shelfport.container")


def make_http(
    settings: Settings,
    clock: Clock,
    secret: HostSecret | None = None,
    observer: RequestObserver = NoObserver,
    listener: Listener = no_listener,
) -> HttpInventory:
    """The adapter for `base_url`, not open yet.

    Raises:
        ValueError: there is no `base_url`, or `secret` contradicts the settings.
    """
    if settings.base_url is None:
        raise ValueError("base_url is not set: set it to the address of the Inventory Service")
    if settings.plain_http_to_others:
        logger.warning(
            "requests to %s are not encrypted: allow_plain_http is set",
            settings.base_url,
            extra={"event": "inventory.plain_http", "base_url": settings.base_url},
        )
    return HttpInventory(
        settings.base_url,
        clock=clock,
        options=settings.http,
        tls=settings.tls,
        auth=settings.credentials,
        secret=secret,
        observer=observer,
        id_format=settings.id_format,
        listener=listener,
        cache_ttl=settings.cache.ttl,
    )


def tls_snapshot_of(adapter: InventoryPort) -> Callable[[], TlsSnapshot | None]:
    """A function that returns when the certificates expire; None for another adapter."""
    return adapter.tls_snapshot if isinstance(adapter, HttpInventory) else lambda: None
