"""Makes the queue and its worker from the settings."""

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
    """The queue at `queue.url`, not open yet; None without a URL.

    Raises:
        SettingsError: the URL is not that of a queue, or its extra is not installed.
    """
    options = settings.queue
    if options.url is None:
        return None
    if options.url.get_secret_value() == MEMORY:
        return InMemoryQueue()
    try:
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

    It uses the part of the stack `port` that makes one attempt at one request: so it shares the
    concurrency limit and the circuit breaker with the pages, but not the retries and their budget.
    """
    if queue is None:
        return None
    processor = EntryProcessor(
        queue=queue,
        port=DeadlineLayer(
            one_attempt(port), clock, new_correlation_id, settings.queue.attempt_timeout
        ),
        catalog=catalog,
        clock=clock,
        options=settings.queue,
        draw=random.random,
        invalidate=lambda variant: forget(port, variant),
        listener=listener,
    )
    return Worker(
        processor,
        breaker.snapshot,
        name=lambda: f"{socket.gethostname()}/{os.getpid()}",
        clock=clock,
        uniform=random.uniform,
        listener=listener,
    )


def worker_to_run(settings: Settings, worker: Worker | None) -> Worker | None:
    """The worker, if the integration runs it (`queue.worker`)."""
    return worker if settings.queue.worker else None


def can_mark(settings: Settings, catalog: ProductCatalogPort | None) -> bool:
    """Whether NOT_ORDERABLE is possible: with a catalog, or if another process runs the worker.

    Raises:
        SettingsError: the settings choose NOT_ORDERABLE, and it is not possible.
    """
    can = catalog is not None or not settings.queue.worker
    if settings.initialization.policy is InitializationPolicy.NOT_ORDERABLE and not can:
        raise SettingsError(
            "initialization.policy is NOT_ORDERABLE, which needs the host's catalog: "
            "pass one to build(settings, catalog=…)"
        )
    return can


def one_attempt(port: InventoryPort) -> InventoryPort:
    """The part of a composed stack from `ConcurrencyLimitLayer` down: a call is one attempt."""
    layer: InventoryPort | None = port
    while layer is not None and not isinstance(layer, ConcurrencyLimitLayer):
        layer = getattr(layer, "inner", None)
    return port if layer is None else layer


def forget(port: InventoryPort, variant: ProductVariantId) -> None:
    """Invalidate the cached reading of `variant`, if `port` has a cache."""
    if isinstance(port, CacheLayer):
        port.invalidate((variant,))
