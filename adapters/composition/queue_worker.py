"""Makes the queue and its worker from the settings."""

import os
import random
import socket
from collections.abc import Callable, Sequence

from shelfport.adapters.config.settings import Settings, SettingsError
from shelfport.adapters.layers import CircuitBreaker, DeadlineLayer
from shelfport.adapters.queue.entry_processor import EntryProcessor
from shelfport.adapters.queue.memory import InMemoryQueue
from shelfport.adapters.queue.options import MEMORY
from shelfport.adapters.queue.worker import Worker
from shelfport.domain.model import InitializationPolicy
from shelfport.ports import (
    CacheInvalidator,
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
    invalidators: Sequence[CacheInvalidator],
    catalog: ProductCatalogPort | None,
    breaker: CircuitBreaker,
    clock: Clock,
    new_correlation_id: Callable[[], str],
    listener: Listener,
) -> Worker | None:
    """A worker for `queue`, not started yet; None without a queue.

    `port` is the part of the stack that makes one attempt at one request: `Stack.attempts`.
    """
    if queue is None:
        return None
    processor = EntryProcessor(
        queue=queue,
        port=DeadlineLayer(port, clock, new_correlation_id, settings.queue.attempt_timeout),
        catalog=catalog,
        clock=clock,
        options=settings.queue,
        draw=random.random,
        invalidators=invalidators,
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


def can_mark(settings: Settings, queue: InitializationQueue | None, catalog: object | None) -> bool:
    """Whether NOT_ORDERABLE is possible: with a catalog, or if another process runs the worker.

    Raises:
        SettingsError: the settings choose a policy that is not possible.
    """
    policy = settings.initialization.policy
    if policy.queues and queue is None:
        raise SettingsError(
            f"initialization.policy is {policy.value}, which needs a queue: set queue.url, for "
            "example to sqlite:///queue.db, or pass a queue to build(settings, queue=…)"
        )
    can = catalog is not None or not settings.queue.worker
    if policy is InitializationPolicy.NOT_ORDERABLE and not can:
        raise SettingsError(
            "initialization.policy is NOT_ORDERABLE, which needs the host's catalog: "
            "pass one to build(settings, catalog=…)"
        )
    return can
