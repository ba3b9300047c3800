"""`Worker`: claims what is due, and has attempts made at it, until it is stopped."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from types import TracebackType
from typing import Self

import attrs

from shelfport.adapters.layers import CircuitBreaker
from shelfport.adapters.queue.entry_processor import EntryProcessor
from shelfport.adapters.runtime.background import Background
from shelfport.domain.model import Claim, QueueFailed, QueueStats
from shelfport.ports import Clock, Listener
from shelfport.ports.signals import BreakerState, QueueRecovered, QueueUnavailable
from shelfport.ports.snapshot import QueueSnapshot

logger = logging.getLogger("shelfport.worker")

_LOOK_EVERY = 5.0
"""Seconds between two looks at how the queue stands, for the snapshot."""
_SHORTEST_PAUSE = 0.01
"""Seconds that an idle worker sleeps, at least, however soon it could look again."""
_LONGEST_PAUSE = 10.0
"""Seconds between two attempts to use a queue that cannot be used, at most."""


@attrs.define(eq=False)
class Worker:
    """Works a queue off: any number of workers, in any number of processes, share one queue.

    It claims no more than it has hands for, and nothing while the circuit is open: an attempt at a
    service that is known to be down would be wasted. When the circuit may be probed, it claims
    one entry. It looks at once when the queue wakes it, and every `poll` seconds otherwise. A
    queue that fails is left alone for a moment, and longer each time.

    Used as an async context manager: entering starts it, leaving stops it: it claims nothing more,
    has `shutdown_timeout` seconds to finish what it has begun, and gives the rest back.
    """

    attempts: EntryProcessor
    breaker: CircuitBreaker = attrs.field(repr=False)
    name: Callable[[], str] = attrs.field(repr=False)
    """Makes its name in the queue when it starts, which may be in a forked child."""
    clock: Clock = attrs.field(repr=False)
    uniform: Callable[[float, float], float] = attrs.field(repr=False)
    """Draws a number between two others: `random.uniform`."""
    listener: Listener = attrs.field(repr=False)
    _stats: QueueStats | None = attrs.field(init=False, default=None, repr=False)
    """How the queue stood when it was last looked at."""
    _looked_at: datetime | None = attrs.field(init=False, default=None, repr=False)
    _trouble: QueueFailed | None = attrs.field(init=False, default=None, repr=False)
    """Why the queue cannot be used; None while it can."""
    _holder: str = attrs.field(init=False, default="", repr=False)
    _hands: Background = attrs.field(init=False, factory=Background, repr=False)
    _loop: asyncio.Task[None] | None = attrs.field(init=False, default=None, repr=False)
    _busy: int = attrs.field(init=False, default=0, repr=False)
    """How many entries it has in its hands."""
    _stopping: asyncio.Event = attrs.field(init=False, factory=asyncio.Event, repr=False)
    _failures: int = attrs.field(init=False, default=0, repr=False)
    _not_before: float = attrs.field(init=False, default=0.0, repr=False)
    """On the monotonic scale: nothing is claimed earlier, as this process would not ask anyway."""
    _look_at: float = attrs.field(init=False, default=0.0, repr=False)

    async def __aenter__(self) -> Self:
        self._holder = self.name()
        self._busy = 0
        self._stopping.clear()
        await self._hands.__aenter__()
        # Its owner is the worker itself, which waits for it below.
        self._loop = asyncio.create_task(self._work(), name=f"queue worker {self._holder}")
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self.attempts.queue.wake()
        try:
            async with asyncio.timeout(self.attempts.options.shutdown_timeout):
                if self._loop is not None:
                    await asyncio.wait({self._loop})
                await self._hands.drain()
        except TimeoutError:
            logger.info(
                "%d attempts were stopped; their entries are given back",
                len(self._hands),
                extra={"event": "inventory.worker", "stopped": len(self._hands)},
            )
        finally:
            if self._loop is not None:
                self._loop.cancel()
                await asyncio.gather(self._loop, return_exceptions=True)
            await self._hands.__aexit__(None, None, None)

    def snapshot(self, now: datetime) -> QueueSnapshot:
        """How the queue stood when this worker looked last."""
        stats, error = self._stats, None if self._trouble is None else str(self._trouble)
        if stats is None:
            return QueueSnapshot(as_of=None, error=error)
        age = None if stats.oldest is None else max((now - stats.oldest).total_seconds(), 0.0)
        return QueueSnapshot(
            as_of=self._looked_at,
            waiting=stats.waiting,
            oldest_age=age,
            dead_letters=stats.dead_letters,
            error=error,
        )

    async def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                pause = await self._turn()
                await self.attempts.queue.wait(max(pause, _SHORTEST_PAUSE))
            except QueueFailed as error:
                await self._leave_alone(self._unusable(error))
            except Exception:
                logger.exception(
                    "the queue's worker stumbled, and goes on: this is a bug",
                    extra={"event": "inventory.worker_fault"},
                )
                await self._leave_alone(_LONGEST_PAUSE)

    async def _leave_alone(self, seconds: float) -> None:
        """Let time pass; unlike a wait for the queue, no hint ends it, only a stop."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    async def _turn(self) -> float:
        """Claim what there are hands for; the seconds after which to look again."""
        options, queue = self.attempts.options, self.attempts.queue
        now = self.clock.monotonic()
        if now >= self._look_at:
            self._stats, self._looked_at = await queue.stats(), self.clock.now()
            self._look_at = now + _LOOK_EVERY
        wanted, pause = self._wanted(now)
        if wanted == 0:
            return pause
        claims = await queue.claim(
            holder=self._holder, limit=wanted, now=self.clock.now(), lease=options.lease
        )
        self._usable()
        for claim in claims:
            self._busy += 1
            self._hands.start(self._attempt(claim), "queued initialization")
        # If there is more, the first hand that is free looks for it.
        return options.poll_interval * self.uniform(0.5, 1.0)

    def _wanted(self, now: float) -> tuple[int, float]:
        """How many entries to claim, and if none, after how many seconds to ask again."""
        poll = self.attempts.options.poll_interval
        free = self.attempts.options.max_concurrency - self._busy
        circuit = self.breaker.snapshot(now)
        if now < self._not_before:
            return 0, self._not_before - now
        if circuit.state is BreakerState.CLOSED:
            return max(free, 0), poll
        if circuit.state is BreakerState.OPEN and circuit.next_probe != 0:
            return 0, min(circuit.next_probe or poll, poll)
        # It may be probed: with one entry, for the page's readers want to probe as well.
        return (0 if self._busy else 1), poll

    async def _attempt(self, claim: Claim) -> None:
        try:
            asked = await self.attempts.make(claim)
        except QueueFailed as error:
            self._unusable(error)
        else:
            if not asked:
                poll = self.attempts.options.poll_interval
                self._not_before = self.clock.monotonic() + poll * self.uniform(0.5, 1.0)
        finally:
            self._busy -= 1
            self.attempts.queue.wake()  # a hand is free

    def _usable(self) -> None:
        self._failures = 0
        if self._trouble is not None:
            self._trouble = None
            self.listener(QueueRecovered())

    def _unusable(self, error: QueueFailed) -> float:
        """Note that the queue failed; the seconds for which to leave it alone."""
        if self._trouble is None:
            self.listener(QueueUnavailable(error))
        self._trouble = error
        self._failures += 1
        bound = min(
            _LONGEST_PAUSE, self.attempts.options.poll_interval * 2.0 ** min(self._failures, 10)
        )
        return self.uniform(bound / 2, bound)
