"""`CoalescingLayer`: request coalescing (single-flight); callers share in-flight reads."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from math import inf

import attrs

from shelfport.adapters.runtime.background import Background
from shelfport.domain.model import (
    Answer,
    Call,
    DeadlineExceeded,
    Initialized,
    InitialStock,
    InventoryError,
    Operation,
    OverloadedHere,
    ProductVariantId,
    RequestContext,
    Unreadable,
    settled,
)
from shelfport.ports import Clock, InventoryPort

_MAX_WAITERS_NAMED = 20

_Outcome = Mapping[ProductVariantId, Answer] | InventoryError


@attrs.define(eq=False)
class _InFlightRead:
    """One read for any number of callers: pending at first, then in flight, then completed."""

    began: float
    """On the monotonic clock: its answers were true then or later."""
    calls: list[Call] = attrs.field(factory=list)
    ids: dict[ProductVariantId, None] = attrs.field(factory=dict)
    """In the order in which callers asked for them."""
    deadline: float | None = None
    """The latest deadline of the callers that joined while it was pending."""
    _outcome: _Outcome | BaseException | None = None
    _waiting: "list[asyncio.Future[None]]" = attrs.field(factory=list)

    @property
    def completed(self) -> bool:
        """Whether the outcome is there."""
        return self._outcome is not None

    def complete(self, outcome: _Outcome | BaseException) -> None:
        """Set `outcome`, and wake every waiter."""
        self._outcome = outcome
        for waiter in self._waiting:
            if not waiter.done():  # else its caller has left
                waiter.set_result(None)

    async def outcome(self) -> _Outcome:
        """Wait until it is complete. Cancelling a waiter does not cancel the read.

        Raises:
            BaseException: the exception that ended the read, if it is no `InventoryError`: a bug.
        """
        while (outcome := self._outcome) is None:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            await waiter
        if isinstance(outcome, BaseException) and not isinstance(outcome, InventoryError):
            raise outcome
        return outcome

    def answers(self, outcome: _Outcome) -> Mapping[ProductVariantId, Answer]:
        """The answers for all of `ids`, taken from its `outcome`."""
        if isinstance(outcome, InventoryError):
            return dict.fromkeys(self.ids, Unreadable(outcome))
        return outcome


@attrs.define(eq=False)
class CoalescingLayer:
    """Gathers the reads of one turn of the event loop into one read, and joins in-flight reads.

    Each id is in flight at most once. A shared read is a task of this layer, never of a caller:
    cancelling a caller, the first one included, does not cancel the read. It runs until the latest
    deadline of the callers that joined while it was pending; a caller that joined later, and has
    more time than that, asks again by itself. A caller joins an in-flight read only if that began
    no longer ago than the caller's `max_staleness`; with 0 it shares only the pending read.

    Right: `DeadlineLayer(CoalescingLayer(BatchingLayer(…)))`: each caller stops waiting at its own
    deadline.
    Wrong: `BatchingLayer(CoalescingLayer(…))`: the chunks of one call are gathered into one again.
    """

    inner: InventoryPort
    clock: Clock = attrs.field(repr=False)
    background: Background = attrs.field(repr=False)
    _pending: _InFlightRead | None = attrs.field(init=False, default=None, repr=False)
    """The read that starts at the end of this turn of the loop."""
    _in_flight: dict[ProductVariantId, _InFlightRead] = attrs.field(
        init=False, factory=dict, repr=False
    )
    """The latest read of each id that is not completed."""
    _in_flight_count: int = attrs.field(init=False, default=0, repr=False)
    """Reads that are not completed, the pending one included."""

    async def read(
        self, ids: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        """See `InventoryPort.read`."""
        answers: Mapping[ProductVariantId, Answer] = {}
        wanted = missing = dict.fromkeys(ids)
        oldest = self._oldest(call)
        joins_running = True
        while missing:
            again: dict[ProductVariantId, None] = {}
            too_old: dict[ProductVariantId, None] = {}
            joined = self._join(missing, call, joins_running=joins_running)
            pending = self._pending  # it will go by this call's limit, too
            for read, shared in joined:
                outcome = await read.outcome()
                if len(read.calls) == 1 and len(shared) == len(wanted):
                    # No other caller joined: the outcome is the answer as it stands.
                    if isinstance(outcome, InventoryError):
                        raise outcome.again()
                    return outcome
                found = read.answers(outcome)
                if len(shared) == len(wanted):
                    answers = found  # may hold more than `wanted`: the last line picks from it
                else:
                    answers = {**answers, **{variant: found[variant] for variant in shared}}
                if _has_more_time(call, read):
                    again |= dict.fromkeys(v for v in shared if _cut_short(found[v]))
                if oldest is not None and read is not pending:
                    # A layer below may have answered from a cache, under another caller's limit.
                    too_old |= dict.fromkeys(v for v in shared if _is_before(found[v], oldest))
            missing = again | too_old
            joins_running = joins_running and not too_old
        return settled({variant: answers[variant] for variant in wanted})

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        """Forward the call: each initialization is an operation of its own."""
        return await self.inner.initialize(request, call)

    def _oldest(self, call: Call) -> datetime | None:
        """The earliest `as_of` that the caller accepts; None if it accepts every age."""
        if call.max_staleness is None:
            return None
        return self.clock.now() - timedelta(seconds=call.max_staleness)

    def _join(
        self, wanted: dict[ProductVariantId, None], call: Call, *, joins_running: bool
    ) -> list[tuple[_InFlightRead, dict[ProductVariantId, None]]]:
        """Join a read for each id: a running one, if it may be joined, or the pending one."""
        now = self.clock.monotonic()
        in_flight = self._in_flight
        only_pending = self._pending is not None and self._in_flight_count == 1
        if only_pending or in_flight.keys().isdisjoint(wanted):
            read = self._pending_read(now)
            read.ids.update(wanted)
            read.calls.append(call)
            in_flight.update(dict.fromkeys(wanted, read))
            return [(read, wanted)]
        oldest = now - (inf if call.max_staleness is None else call.max_staleness)
        shared: dict[_InFlightRead, dict[ProductVariantId, None]] = {}
        for variant in wanted:
            joined = in_flight.get(variant)
            if joined is None or (
                joined is not self._pending and (not joins_running or joined.began <= oldest)
            ):
                joined = in_flight[variant] = self._pending_read(now)
                joined.ids[variant] = None
            shared.setdefault(joined, {})[variant] = None
        for read in shared:
            read.calls.append(call)
        return list(shared.items())

    def _pending_read(self, now: float) -> _InFlightRead:
        """The read that starts at the end of this turn of the loop."""
        if self._pending is None:
            read = _InFlightRead(now)
            task = self.background.start(self._run(read), "inventory read")
            task.add_done_callback(lambda _: self._task_ended(read))
            self._pending = read
            self._in_flight_count += 1
        return self._pending

    def _task_ended(self, read: _InFlightRead) -> None:
        """Complete `read` if its task was cancelled, perhaps before its first step."""
        if not read.completed:
            context = RequestContext(Operation.READ, tuple(read.ids), _shared_call(read.calls))
            self._complete(read, context.error(OverloadedHere, "this process is shutting down"))

    async def _run(self, read: _InFlightRead) -> None:
        # A task's first step comes after all callers of this turn of the loop have joined.
        self._pending = None
        ids, call = tuple(read.ids), _shared_call(read.calls)
        read.deadline = call.deadline
        left = None if call.deadline is None else call.deadline - self.clock.monotonic()
        timeout = asyncio.timeout(left)
        try:
            # The callers' own deadlines end only their waiting; this one ends a read that hangs.
            async with timeout:
                outcome = await self.inner.read(ids, call)
        except InventoryError as error:
            self._complete(read, error)
        except TimeoutError as error:
            if not timeout.expired():
                self._complete(read, error)
                raise
            sentence = "the deadline passed while waiting for the Inventory Service"
            context = RequestContext(Operation.READ, ids, call)
            self._complete(read, context.error(DeadlineExceeded, sentence))
        except asyncio.CancelledError:
            raise  # `_task_ended` completes the read
        except BaseException as error:
            self._complete(read, error)
            raise
        else:
            self._complete(read, outcome)

    def _complete(self, read: _InFlightRead, outcome: _Outcome | BaseException) -> None:
        if self._pending is read:
            self._pending = None
        self._in_flight_count -= 1
        in_flight = self._in_flight
        if not self._in_flight_count:
            in_flight.clear()  # all entries were of this read
        else:
            for variant in read.ids:
                if in_flight.get(variant) is read:
                    del in_flight[variant]
        read.complete(outcome)


def _has_more_time(call: Call, read: _InFlightRead) -> bool:
    return read.deadline is not None and (call.deadline is None or read.deadline < call.deadline)


def _is_before(answer: Answer, oldest: datetime) -> bool:
    """Whether this answer is older than a caller accepts."""
    return not isinstance(answer, Unreadable) and answer.as_of is not None and answer.as_of < oldest


def _cut_short(answer: Answer) -> bool:
    """Whether a deadline ended the read of this answer."""
    return type(answer) is Unreadable and isinstance(answer.error, DeadlineExceeded)


def _shared_call(calls: Sequence[Call]) -> Call:
    """The call of a shared read: the latest deadline, the strictest staleness, the first id."""
    if len(calls) == 1:
        return calls[0]
    deadlines = [call.deadline for call in calls]
    limits = [call.max_staleness for call in calls if call.max_staleness is not None]
    first = calls[0]
    return attrs.evolve(
        first,
        deadline=None if None in deadlines else max(d for d in deadlines if d is not None),
        max_staleness=min(limits, default=None),
        waiters=tuple(
            call.correlation_id
            for call in calls[1 : _MAX_WAITERS_NAMED + 1]
            if call.correlation_id is not None
        ),
    )
