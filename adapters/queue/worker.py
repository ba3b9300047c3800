"""`Worker`: claims the entries that are due, and has them processed, until it is stopped."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from types import TracebackType
from typing import Self

import attrs

from shelfport.adapters.queue.entry_processor import EntryProcessor
from shelfport.adapters.runtime.background import Background
from shelfport.domain.model import Claim, InitializationPolicy, QueueFailed, QueueStats
from shelfport.domain.services.backoff import Backoff
from shelfport.ports import Clock, Listener
from shelfport.ports.signals import BreakerState, QueueRecovered, QueueUnavailable
from shelfport.ports.snapshot import BreakerSnapshot, QueueSnapshot

logger = logging.getLogger("shelfport.worker")

_STATS_INTERVAL = 5.0
"""Seconds between two reads of the queue's statistics, for the snapshot."""
_OLDEST = 20
"""Waiting entries that are looked at for some that this worker cannot process."""
_SHORTEST_PAUSE = 0.01
"""Seconds that an idle worker waits, at least, between two claims."""
_LONGEST_PAUSE = 10.0
"""Seconds between two attempts to use a queue that fails, at most."""


@attrs.define(eq=False)
class Worker:
    """Processes a queue. Any number of workers, in any number of processes, share one queue.

    It claims at most `max_concurrency` entries at once, and none while the circuit is open, since
    an attempt would be wasted. While the circuit is half-open, it claims one entry. It claims when
    the queue wakes it, and every `poll_interval` seconds otherwise. After a failure of the queue it
    waits, and longer after each further one. Without a catalog, it leaves entries that are
    NOT_ORDERABLE to workers that have one.

    Used as an async context manager: entering starts it. Leaving stops it: it claims no more, has
    `shutdown_timeout` seconds to finish the attempts that it has begun, and gives the rest back.
    """

    processor: EntryProcessor
    circuit: Callable[[float], BreakerSnapshot] = attrs.field(repr=False)
    """Reads the circuit breaker at an instant of the monotonic clock."""
    name: Callable[[], str] = attrs.field(repr=False)
    """Makes its name in the queue when it starts, which may be in a forked child."""
    clock: Clock = attrs.field(repr=False)
    uniform: Callable[[float, float], float] = attrs.field(repr=False)
    """Draws a number between two others: `random.uniform`."""
    listener: Listener = attrs.field(repr=False)
    _stats: QueueStats | None = attrs.field(init=False, default=None, repr=False)
    """The queue's statistics, as they were last read."""
    _stats_as_of: datetime | None = attrs.field(init=False, default=None, repr=False)
    _stats_due_at: float = attrs.field(init=False, default=0.0, repr=False)
    """On the monotonic clock."""
    _error: QueueFailed | None = attrs.field(init=False, default=None, repr=False)
    """Why the queue cannot be used; None while it can."""
    _holder: str = attrs.field(init=False, default="", repr=False)
    _attempts: Background = attrs.field(init=False, factory=Background, repr=False)
    _loop: asyncio.Task[None] | None = attrs.field(init=False, default=None, repr=False)
    _in_process: int = attrs.field(init=False, default=0, repr=False)
    """How many entries are being processed."""
    _stopping: asyncio.Event = attrs.field(init=False, factory=asyncio.Event, repr=False)
    _reported: bool = attrs.field(init=False, default=False, repr=False)
    """Whether the log says that this worker leaves entries to others."""
    _failures: int = attrs.field(init=False, default=0, repr=False)
    """Failures of the queue in a row."""
    _not_before: float = attrs.field(init=False, default=0.0, repr=False)
    """No entry is claimed before this instant of the monotonic clock, as this process would not
    send the request."""

    async def __aenter__(self) -> Self:
        self._holder = self.name()
        self._in_process = 0
        self._stopping = asyncio.Event()  # of this loop: the worker may be started in another one
        await self._attempts.__aenter__()
        # Its owner is the worker itself, which waits for it below.
        self._loop = asyncio.create_task(self._run(), name=f"queue worker {self._holder}")
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self.processor.queue.wake()
        try:
            async with asyncio.timeout(self.processor.options.shutdown_timeout):
                if self._loop is not None:
                    await asyncio.wait({self._loop})
                await self._attempts.drain()
        except TimeoutError:
            logger.info(
                "%d attempts did not end within queue.shutdown_timeout and are stopped; their "
                "entries are due again",
                len(self._attempts),
                extra={"event": "inventory.worker", "stopped": len(self._attempts)},
            )
        finally:
            if self._loop is not None:
                self._loop.cancel()
                await asyncio.gather(self._loop, return_exceptions=True)
            await self._attempts.__aexit__(None, None, None)

    def snapshot(self, now: datetime) -> QueueSnapshot:
        """The queue's statistics, as this worker read them last."""
        stats, error = self._stats, None if self._error is None else str(self._error)
        if stats is None:
            return QueueSnapshot(as_of=None, error=error)
        age = None if stats.oldest is None else max((now - stats.oldest).total_seconds(), 0.0)
        return QueueSnapshot(
            as_of=self._stats_as_of,
            waiting=stats.waiting,
            oldest_age=age,
            dead_letters=stats.dead_letters,
            error=error,
        )

    async def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                pause = await self._claim_and_start()
                await self.processor.queue.wait(max(pause, _SHORTEST_PAUSE))
            except QueueFailed as error:
                await self._sleep(self._queue_failed(error))
            except Exception:
                logger.exception(
                    "the queue's worker failed unexpectedly, and continues: this is a bug",
                    extra={"event": "inventory.worker_fault"},
                )
                await self._sleep(_LONGEST_PAUSE)

    async def _sleep(self, seconds: float) -> None:
        """Wait; unlike a wait for the queue, only a stop ends it early."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    async def _claim_and_start(self) -> float:
        """Claim entries and start to process them; the seconds to wait before the next claim."""
        options, queue = self.processor.options, self.processor.queue
        now = self.clock.monotonic()
        if now >= self._stats_due_at:
            self._stats, self._stats_as_of = await queue.stats(), self.clock.now()
            self._stats_due_at = now + _STATS_INTERVAL
            await self._report_skipped()
        wanted, pause = self._wanted(now)
        if wanted == 0:
            return pause
        claims = await queue.claim(
            holder=self._holder,
            limit=wanted,
            now=self.clock.now(),
            lease=options.lease,
            skip=self._skipped,
        )
        self._queue_works()
        for claim in claims:
            self._in_process += 1
            self._attempts.start(self._process(claim), "queued initialization")
        # If more entries are due, the first attempt that ends wakes the worker.
        return options.poll_interval * self.uniform(0.5, 1.0)

    @property
    def _skipped(self) -> InitializationPolicy | None:
        """The policy whose entries this worker leaves to others, as it has no catalog."""
        return InitializationPolicy.NOT_ORDERABLE if self.processor.catalog is None else None

    async def _report_skipped(self) -> None:
        """Log a WARNING, once, if an entry waits that this worker does not claim."""
        if (
            self._skipped is None
            or self._reported
            or self._stats is None
            or not self._stats.waiting
        ):
            return
        # An entry that is skipped becomes one of the oldest.
        oldest = await self.processor.queue.entries(dead=False, limit=_OLDEST)
        if any(entry.policy is self._skipped for entry in oldest):
            self._reported = True
            logger.warning(
                "the queue has entries that are %s, which this worker does not process, as it has "
                "no catalog: give one to build(settings, catalog=…) or shelfport worker --catalog",
                self._skipped.value,
                extra={
                    "event": "inventory.worker_without_catalog",
                    "policy": self._skipped.value,
                },
            )

    def _wanted(self, now: float) -> tuple[int, float]:
        """How many entries to claim; if none, the seconds to wait before the next claim."""
        poll = self.processor.options.poll_interval
        free = self.processor.options.max_concurrency - self._in_process
        circuit = self.circuit(now)
        if now < self._not_before:
            return 0, self._not_before - now
        if circuit.state is BreakerState.CLOSED:
            return max(free, 0), poll
        if circuit.state is BreakerState.OPEN and circuit.next_probe != 0:
            return 0, min(circuit.next_probe or poll, poll)
        # One entry may probe the service; the page's readers need the other probes.
        return (0 if self._in_process else 1), poll

    async def _process(self, claim: Claim) -> None:
        try:
            sent = await self.processor.process(claim)
        except QueueFailed as error:
            self._queue_failed(error)
        else:
            if not sent:
                poll = self.processor.options.poll_interval
                self._not_before = self.clock.monotonic() + poll * self.uniform(0.5, 1.0)
        finally:
            self._in_process -= 1
            self.processor.queue.wake()  # another entry can be claimed

    def _queue_works(self) -> None:
        self._failures = 0
        if self._error is not None:
            self._error = None
            self.listener(QueueRecovered())

    def _queue_failed(self, error: QueueFailed) -> float:
        """Note the failure; the seconds to wait before the queue is used again."""
        if self._error is None:
            self.listener(QueueUnavailable(error))
        self._error = error
        self._failures += 1
        first = min(2.0 * self.processor.options.poll_interval, _LONGEST_PAUSE)
        return Backoff(first, _LONGEST_PAUSE).delay(self._failures, self.uniform(0.5, 1.0))
