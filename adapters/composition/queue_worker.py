"""The queue that the settings name, and a worker for it: made for the container, opened later."""

import os
import random
import socket
from collections.abc import Callable

from shelfport.adapters.config.settings import Settings, SettingsError
from shelfport.adapters.layers import (
    CacheLayer,
    CircuitBreaker,
    ConcurrencyLimitLayer,
    DeadlineLayer,
)
from shelfport.adapters.queue.entry_processor import EntryProcessor
from shelfport.adapters.queue.memory import InMemoryQueue
from shelfport.adapters.queue.options import MEMORY
from shelfport.adapters.queue.worker import Worker
from shelfport.domain.model import InitializationPolicy, ProductVariantId
from shelfport.ports import (
    Clock,
    InitializationQueue,
    InventoryPort,
    Listener,
    ProductCatalogPort,
)


def make_queue(settings: Settings) -> InitializationQueue | None:
    """The queue at `queue.url`, not open yet; None without one.

    Raises:
        SettingsError: it is no address of a queue, or its extra is not installed.
    """
    options = settings.queue
    if options.url is None:
        return None
    if options.url.get_secret_value() == MEMORY:
        return InMemoryQueue()
    try:
        # Here, as SQLAlchemy comes with an extra.
        from shelfport.adapters.queue.sql.database import database  # noqa: PLC0415 - an extra
        from shelfport.adapters.queue.sql.queue import SqlQueue  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "sqlalchemy":
            raise
        raise SettingsError(
            "queue.url needs an extra that is not installed: pip install 'shelfport[sqlite]' or "
            "'shelfport[postgres]'"
        ) from error
    try:
        return SqlQueue(database(options.url), create_schema=options.create_schema)
    except ValueError as error:
        raise SettingsError(str(error)) from error


def make_worker(
    settings: Settings,
    queue: InitializationQueue | None,
    *,
    port: InventoryPort,
    catalog: ProductCatalogPort | None,
    breaker: CircuitBreaker,
    clock: Clock,
    new_correlation_id: Callable[[], str],
    listener: Listener,
) -> Worker | None:
    """A worker for `queue`, not started yet; None without a queue.

    It asks through the part of the stack `port` that makes one attempt at one request: so it
    shares the limit and the breaker with the pages, repeats nothing by itself, and leaves the
    retry budget to them.
    """
    if queue is None:
        return None
    attempts = EntryProcessor(
        queue=queue,
        port=DeadlineLayer(
            one_attempt(port), clock, new_correlation_id, settings.queue.attempt_timeout
        ),
        catalog=catalog,
        clock=clock,
        options=settings.queue,
        draw=random.random,
        changed=lambda variant: forget(port, variant),
        listener=listener,
    )
    return Worker(
        attempts,
        breaker,
        name=lambda: f"{socket.gethostname()}/{os.getpid()}",
        clock=clock,
        uniform=random.uniform,
        listener=listener,
    )


def own_worker(settings: Settings, worker: Worker | None) -> Worker | None:
    """The worker, if the integration is to work the queue off itself."""
    return worker if settings.queue.worker else None


def can_mark(settings: Settings, catalog: ProductCatalogPort | None) -> bool:
    """Whether NOT_ORDERABLE can be kept; of a worker elsewhere, its own process knows.

    Raises:
        SettingsError: the settings ask for it, and it cannot.
    """
    can = catalog is not None or not settings.queue.worker
    if settings.initialization.policy is InitializationPolicy.NOT_ORDERABLE and not can:
        raise SettingsError(
            "initialization.policy is NOT_ORDERABLE, which needs the host's catalogue: "
            "give one to build(settings, catalog=…)"
        )
    return can


def one_attempt(port: InventoryPort) -> InventoryPort:
    """The part of a composed stack below everything that repeats, shares or keeps."""
    layer: InventoryPort | None = port
    while layer is not None and not isinstance(layer, ConcurrencyLimitLayer):
        layer = getattr(layer, "inner", None)
    return port if layer is None else layer


def forget(port: InventoryPort, variant: ProductVariantId) -> None:
    """Have a stack that keeps readings ask for `variant` before it shows it again."""
    if isinstance(port, CacheLayer):
        port.invalidate((variant,))
