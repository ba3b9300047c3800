"""The checks of what stands beside the service: the queue, the shared cache and the bus.

Each is looked at as a host would use it. No entry of the queue, no kept reading and no message of
the work queue is touched; what a bus lacks is declared, as by the first replica that listens.
"""

import asyncio
import time
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from datetime import UTC, datetime

import attrs
from dependency_injector import providers

from shelfport.adapters.bus.opening import open_bus
from shelfport.adapters.cli.check.model import Case, Finding, failed, not_tried, ok
from shelfport.adapters.cli.check.reading import MADE_UP
from shelfport.adapters.cli.options import without_others
from shelfport.adapters.cli.queue_output import age
from shelfport.adapters.composition.container import Container
from shelfport.adapters.composition.queue_worker import make_queue
from shelfport.adapters.events.handler_retry import in_a_sentence
from shelfport.adapters.queue.options import MEMORY
from shelfport.adapters.queue.sql.schema import SchemaDiffers
from shelfport.domain.model import QueueFailed, QueueStats
from shelfport.ports import InitializationQueue
from shelfport.ports.shared_store import LookupOptions, SharedCacheUnavailable

_LONG = 600.0
"""Seconds after which an entry that nobody has tried is one that nobody works off."""


async def queue(case: Case) -> Finding:
    """The queue is reachable, of this edition's version, worked off, and without dead letters."""
    settings = case.settings
    if settings.queue.url is None:
        return not_tried("queue.url is not set: nothing is queued")
    if settings.queue.url.get_secret_value() == MEMORY:
        return not_tried("queue.url is memory:, which lives in the host's process alone")
    looked = attrs.evolve(settings, queue=attrs.evolve(settings.queue, create_schema=False))
    try:
        found = make_queue(looked)
    except ValueError as error:
        return failed(str(error), "correct queue.url, or install the extra that it needs")
    assert found is not None  # noqa: S101  # it has a URL
    try:
        async with asyncio.timeout(case.seconds), found:
            return await _stands(found)
    except SchemaDiffers as error:
        if error.older and settings.queue.create_schema:
            return ok(
                f"schema version {error.found}: the first host or worker that opens the queue "
                f"makes it {error.known}"
            )
        return failed(
            str(error), "run `shelfport queue migrate`" if error.older else "upgrade shelfport"
        )
    except QueueFailed as error:
        return failed(str(error), "correct queue.url, or see to the database that it names")
    except TimeoutError:
        return failed(
            f"no answer of the queue within {case.seconds:.3g} s",
            "find out why its database is slow, or give more time with --deadline",
        )


async def _stands(found: InitializationQueue) -> Finding:
    stats, now = await found.stats(), datetime.now(UTC)
    version = getattr(found, "migrated", None)
    told = f"schema version {version.after if version else '-'}, {_told(stats, now)}"
    if stats.dead_letters:
        return failed(
            told, "look at the dead with `shelfport queue dead`, then retry or drop each of them"
        )
    oldest = await found.entries(dead=False, limit=1)
    if any(e.attempts == 0 and (now - e.queued_at).total_seconds() > _LONG for e in oldest):
        return failed(
            f"{told}, and it was never tried",
            "start a worker (`shelfport worker`, or queue.worker in a host), or mend the service: "
            "while its circuit is open nothing is tried",
        )
    return ok(told)


def _told(stats: QueueStats, now: datetime) -> str:
    oldest = "" if stats.oldest is None else f", the oldest for {age(stats.oldest, now)}"
    return f"{stats.waiting} waiting{oldest}, {stats.dead_letters} dead"


async def shared(case: Case) -> Finding:
    """Redis answers, and within the time that a caller has for it."""
    options = case.settings.shared_cache
    if options.url is None:
        return not_tried("shared_cache.url is not set: each process has its memory alone")
    container = Container(settings=providers.Object(without_others(case.settings)))
    try:
        level = container.second_level()
    except ValueError as error:
        return failed(str(error), "install the extra")
    assert level is not None  # noqa: S101  # it has a URL
    terms = LookupOptions(datetime.now(UTC), reading_age=0, unknown_age=0, claim="check", lease=0)
    try:
        async with AsyncExitStack() as opened, asyncio.timeout(case.seconds):
            if isinstance(level.store, AbstractAsyncContextManager):
                await opened.enter_async_context(level.store)
            # Not a PING: that succeeds, too, where scripts are forbidden, memory is full, or the
            # server is a replica. Twice, since the first one has to connect.
            await level.store.look([MADE_UP], terms)
            began = time.perf_counter()
            await level.store.look([MADE_UP], terms)
            took = time.perf_counter() - began
    except SharedCacheUnavailable as error:
        return failed(str(error), "start Redis, or correct shared_cache.url")
    except TimeoutError:
        return failed(
            f"no answer of Redis within {case.seconds:.3g} s",
            "find out what answers at shared_cache.url, or look for a firewall between",
        )
    told = f"answered in {took * 1000:.1f} ms; a caller waits {options.timeout * 1000:g} ms"
    if took > options.timeout:
        return failed(told, "raise shared_cache.timeout, or bring Redis nearer: it is passed over")
    return ok(told)


async def bus(case: Case) -> Finding:
    """The bus lets this host listen, as every replica does; no message is taken from the group."""
    options = case.settings.events
    if options.url is None:
        return not_tried("events.url is not set: what is shown follows the cache's windows alone")
    try:
        found = open_bus(options)
    except ValueError as error:
        return failed(str(error), "install the extra")
    try:
        async with asyncio.timeout(case.seconds), found.broadcast() as source:
            await source.fetch(1)
    except TimeoutError:
        return failed(
            f"{found.name} did not answer within {case.seconds:.3g} s",
            "find out what answers at events.url, or look for a firewall between",
        )
    except Exception as error:
        # Each bus's client has errors of its own: what they share is that they say what happened.
        return failed(
            f"{found.name}: {in_a_sentence(error)}",
            "start the bus, or correct events.url, and the user and password in it",
        )
    return ok(f"{found.name} lets this host listen")
