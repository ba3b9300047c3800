"""The checks `queue`, `shared_cache` and `bus`.

Each uses its server as a host does, but changes no queue entry and no cached reading, and takes no
message from the consumer group. What a bus lacks is declared, as by the first replica that listens.
"""

import asyncio
import time
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from datetime import UTC, datetime

import attrs
from dependency_injector import providers

from shelfport.adapters.bus.opening import open_bus
from shelfport.adapters.cli.check.model import (
    SAMPLE_VARIANT,
    CheckContext,
    Finding,
    failed,
    not_tried,
    ok,
)
from shelfport.adapters.cli.options import read_only_settings
from shelfport.adapters.cli.queue_documents import age
from shelfport.adapters.composition.container import Container
from shelfport.adapters.composition.queue_worker import make_queue
from shelfport.adapters.events.handler_retry import in_a_sentence
from shelfport.adapters.queue.options import MEMORY
from shelfport.adapters.queue.sql.schema import SchemaDiffers
from shelfport.domain.model import QueueFailed, QueueStats
from shelfport.ports import InitializationQueue
from shelfport.ports.shared_store import LookupOptions, SharedCacheUnavailable

_UNTRIED_SECONDS = 600.0
"""An entry that waits longer without an attempt shows that no worker runs."""


async def check_queue(context: CheckContext) -> Finding:
    """The queue is reachable, has this edition's schema, has a worker, and no dead letters."""
    settings = context.settings
    if settings.queue.url is None:
        return not_tried("queue.url is not set: nothing is queued")
    if settings.queue.url.get_secret_value() == MEMORY:
        return not_tried("queue.url is memory:, which only the host's own process can see")
    settings = attrs.evolve(settings, queue=attrs.evolve(settings.queue, create_schema=False))
    try:
        queue = make_queue(settings)
    except ValueError as error:
        return failed(str(error), "correct queue.url, or install the extra that it needs")
    assert queue is not None  # noqa: S101  # it has a URL
    try:
        async with asyncio.timeout(context.timeout), queue:
            return await _queue_state(queue)
    except SchemaDiffers as error:
        if error.older and context.settings.queue.create_schema:
            return ok(
                f"schema version {error.found}: the first host or worker that opens the queue "
                f"upgrades it to {error.known}"
            )
        return failed(
            str(error), "run `shelfport queue migrate`" if error.older else "upgrade shelfport"
        )
    except QueueFailed as error:
        return failed(str(error), "correct queue.url, or look at the database that it names")
    except TimeoutError:
        return failed(
            f"no answer of the queue within {context.timeout:.3g} s",
            "find out why its database is slow, or give more time with --deadline",
        )


async def _queue_state(queue: InitializationQueue) -> Finding:
    stats, now = await queue.stats(), datetime.now(UTC)
    migration = getattr(queue, "migrated", None)
    detail = f"schema version {migration.after if migration else '-'}, {_counts(stats, now)}"
    if stats.dead_letters:
        return failed(
            detail,
            "list the dead letters with `shelfport queue dead`, then retry or drop each of them",
        )
    oldest = await queue.entries(dead=False, limit=1)
    if any(e.tries == 0 and (now - e.queued_at).total_seconds() > _UNTRIED_SECONDS for e in oldest):
        return failed(
            f"{detail}, without an attempt",
            "start a worker (`shelfport worker`, or queue.worker in a host), or repair the "
            "service: while the circuit breaker is open, the worker waits",
        )
    return ok(detail)


def _counts(stats: QueueStats, now: datetime) -> str:
    oldest = "" if stats.oldest is None else f", the oldest for {age(stats.oldest, now)}"
    return f"{stats.waiting} waiting{oldest}, {stats.dead_letters} dead letters"


async def check_shared_cache(context: CheckContext) -> Finding:
    """Redis answers a lookup within the time that a caller waits for it."""
    options = context.settings.shared_cache
    if options.url is None:
        return not_tried("shared_cache.url is not set: each process has only its own cache")
    container = Container(settings=providers.Object(read_only_settings(context.settings)))
    try:
        client = container.shared_cache()
    except ValueError as error:
        return failed(str(error), "install the extra")
    assert client is not None  # noqa: S101  # it has a URL
    lookup = LookupOptions(datetime.now(UTC), reading_age=0, unknown_age=0, claim="check", lease=0)
    try:
        async with AsyncExitStack() as opened, asyncio.timeout(context.timeout):
            if isinstance(client.store, AbstractAsyncContextManager):
                await opened.enter_async_context(client.store)
            # A lookup: a PING succeeds also where scripts are forbidden, memory is full, or the
            # server is a replica. The first lookup connects; the second one is measured.
            await client.store.lookup([SAMPLE_VARIANT.variant], lookup)
            started = time.perf_counter()
            await client.store.lookup([SAMPLE_VARIANT.variant], lookup)
            took = time.perf_counter() - started
    except SharedCacheUnavailable as error:
        return failed(str(error), "start Redis, or correct shared_cache.url")
    except TimeoutError:
        return failed(
            f"no answer of Redis within {context.timeout:.3g} s",
            "find out what answers at shared_cache.url, or look for a firewall",
        )
    detail = f"answered in {took * 1000:.1f} ms; a caller waits {options.timeout * 1000:g} ms"
    if took > options.timeout:
        return failed(detail, "raise shared_cache.timeout, or use a Redis that is nearer")
    return ok(detail)


async def check_bus(context: CheckContext) -> Finding:
    """The bus accepts a subscription; no message is taken from the consumer group."""
    options = context.settings.events
    if options.url is None:
        return not_tried("events.url is not set: only the cache's windows bound the age of stock")
    try:
        bus = open_bus(options)
    except ValueError as error:
        return failed(str(error), "install the extra")
    try:
        async with asyncio.timeout(context.timeout), bus.broadcast() as source:
            await source.fetch(1)
    except TimeoutError:
        return failed(
            f"{bus.name} did not answer within {context.timeout:.3g} s",
            "find out what answers at events.url, or look for a firewall",
        )
    except Exception as error:
        # The client of each bus has its own errors, without a common base class.
        return failed(
            f"{bus.name}: {in_a_sentence(error)}",
            "start the bus, or correct events.url, and the user and password in it",
        )
    return ok(f"{bus.name} accepts a subscription")
