"""`CoalescingLayer`: callers who want the same at the same time share one request."""

import asyncio
from collections.abc import Mapping, Sequence
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
    Unreadable,
    settled,
)
from shelfport.ports import Clock, InventoryPort

_MOST_WAITERS_NAMED = 20

_Outcome = Mapping[ProductVariantId, Answer] | InventoryError


@attrs.define(eq=False)
class _InFlightRead:
    """One read, under way or about to leave, for any number of callers."""

    began: float
    """On the monotonic clock: what it brings was true then or later."""
    calls: list[Call] = attrs.field(factory=list)
    ids: dict[int, ProductVariantId] = attrs.field(factory=dict)
    """By their numbers, whose hash costs nothing."""
    deadline: float | None = None
    """The latest of those aboard at departure."""
    _outcome: _Outcome | BaseException | None = None
    _waiting: "list[asyncio.Future[None]]" = attrs.field(factory=list)
    _by_int: dict[int, Answer] | None = None

    @property
    def landed(self) -> bool:
        """Whether it has brought what it will bring."""
        return self._outcome is not None

    def land(self, outcome: _Outcome | BaseException) -> None:
        """Give `outcome` to all who wait, and to whoever still comes for it."""
        self._outcome = outcome
        for waiter in self._waiting:
            if not waiter.done():  # else its caller has left
                waiter.set_result(None)

    async def outcome(self) -> _Outcome:
        """Wait for the landing; a waiter who is cancelled leaves the flight alone.

        Raises:
            BaseException: what ended it, if that is no `InventoryError`: a bug.
        """
        while (outcome := self._outcome) is None:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            await waiter
        if isinstance(outcome, BaseException) and not isinstance(outcome, InventoryError):
            raise outcome
        return outcome

    def answers(self, outcome: _Outcome) -> Mapping[int, Answer]:
        """What `outcome`, with which this has landed, says of all variants aboard."""
        if self._by_int is None:
            if isinstance(outcome, InventoryError):
                self._by_int = dict.fromkeys(self.ids, Unreadable(outcome))
            else:
                self._by_int = {variant.int: answer for variant, answer in outcome.items()}
        return self._by_int


@attrs.define(eq=False)
class CoalescingLayer:
    """Gathers the reads of one turn of the event loop into one, and joins reads under way.

    Each id is under way once at most. A flight is a task of this layer, never a caller's: a
    caller who is cancelled leaves it alone, the first one included. It runs until the latest
    deadline of those who were aboard when it left; one who joined later, and has more time than
    that, asks again by itself. A caller joins a flight under way only if that began no longer
    ago than the caller's `max_staleness`; with 0 it shares the turn's batch alone.

    Right: `DeadlineLayer(CoalescingLayer(BatchingLayer(…)))`: each waiter leaves at its own deadline.
    Wrong: `BatchingLayer(CoalescingLayer(…))`: each chunk is batched with itself.
    """

    inner: InventoryPort
    clock: Clock = attrs.field(repr=False)
    background: Background = attrs.field(repr=False)
    _pending: _InFlightRead | None = attrs.field(init=False, default=None, repr=False)
    """The flight that leaves at the end of this turn of the loop."""
    _under_way: dict[int, _InFlightRead] = attrs.field(init=False, factory=dict, repr=False)
    """The latest flight of each id that has not landed; by `UUID.int`, whose hash costs nothing."""
    _in_flight_count: int = attrs.field(init=False, default=0, repr=False)
    """Flights that have not landed, the one that leaves next included."""

    async def read(
        self, ids: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        """See `InventoryPort.read`."""
        answers: Mapping[int, Answer] = {}
        wanted = missing = {variant.int: variant for variant in ids}
        while missing:
            cut_short: dict[int, ProductVariantId] = {}
            for flight, aboard in self._board(missing, call):
                outcome = await flight.outcome()
                if len(flight.calls) == 1 and len(aboard) == len(wanted):
                    # Nobody else was aboard: what it brought is the answer as it stands.
                    if isinstance(outcome, InventoryError):
                        raise outcome
                    return outcome
                brought = flight.answers(outcome)
                if len(aboard) == len(wanted):
                    answers = brought  # and others', which nobody looks for
                else:
                    answers = {**answers, **{key: brought[key] for key in aboard}}
                if _has_more_time(call, flight):
                    cut_short |= {k: v for k, v in aboard.items() if _cut_short(brought[k])}
            missing = cut_short
        return settled({variant: answers[key] for key, variant in wanted.items()})

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        """Passed through: each one is an operation of its own."""
        return await self.inner.initialize(request, call)

    def _board(
        self, wanted: Mapping[int, ProductVariantId], call: Call
    ) -> list[tuple[_InFlightRead, Mapping[int, ProductVariantId]]]:
        """Find a flight for each id: the one under way, or the one that leaves next."""
        now = self.clock.monotonic()
        under_way = self._under_way
        only_boarding = self._pending is not None and self._in_flight_count == 1
        if only_boarding or under_way.keys().isdisjoint(wanted):
            flight = self._next(now)
            flight.ids.update(wanted)
            flight.calls.append(call)
            under_way.update(dict.fromkeys(wanted, flight))
            return [(flight, wanted)]
        oldest = now - (inf if call.max_staleness is None else call.max_staleness)
        boarded: dict[_InFlightRead, dict[int, ProductVariantId]] = {}
        for key, variant in wanted.items():
            joined = under_way.get(key)
            if joined is None or (joined is not self._pending and joined.began <= oldest):
                joined = under_way[key] = self._next(now)
                joined.ids[key] = variant
            boarded.setdefault(joined, {})[key] = variant
        for flight in boarded:
            flight.calls.append(call)
        return list(boarded.items())

    def _next(self, now: float) -> _InFlightRead:
        """The flight that leaves at the end of this turn of the loop."""
        if self._pending is None:
            flight = _InFlightRead(now)
            task = self.background.start(self._fly(flight), "inventory read")
            task.add_done_callback(lambda _: self._see_to(flight))
            self._pending = flight
            self._in_flight_count += 1
        return self._pending

    def _see_to(self, flight: _InFlightRead) -> None:
        """Its task has ended; one that is cancelled before its first step has not landed it."""
        if not flight.landed:
            self._land(flight, _shut(flight))

    async def _fly(self, flight: _InFlightRead) -> None:
        # The task's first step comes after all that this turn of the loop had to do.
        self._pending = None
        ids, call = tuple(flight.ids.values()), _shared(flight.calls)
        flight.deadline = call.deadline
        left = None if call.deadline is None else call.deadline - self.clock.monotonic()
        timeout = asyncio.timeout(left)
        try:
            # Its callers' deadlines end their waiting; nobody else would end a flight that hangs.
            async with timeout:
                outcome = await self.inner.read(ids, call)
        except InventoryError as error:
            self._land(flight, error)
        except TimeoutError as error:
            if not timeout.expired():
                self._land(flight, error)
                raise
            sentence = "the deadline passed while waiting for the Inventory Service"
            self._land(flight, _ended(DeadlineExceeded, sentence, ids, call))
        except asyncio.CancelledError:
            raise  # the end of its task is seen to, whenever it comes
        except BaseException as error:
            self._land(flight, error)
            raise
        else:
            self._land(flight, outcome)

    def _land(self, flight: _InFlightRead, outcome: _Outcome | BaseException) -> None:
        if self._pending is flight:
            self._pending = None
        self._in_flight_count -= 1
        under_way = self._under_way
        if not self._in_flight_count:
            under_way.clear()  # all of it was this one's
        else:
            for key in flight.ids:
                if under_way.get(key) is flight:
                    del under_way[key]
        flight.land(outcome)


def _ended(
    kind: type[InventoryError], sentence: str, ids: Sequence[ProductVariantId], call: Call
) -> InventoryError:
    return kind(
        sentence,
        operation=Operation.READ,
        ids=ids,
        correlation_id=call.correlation_id,
        attempts=call.attempt,
    )


def _shut(flight: _InFlightRead) -> InventoryError:
    ids, call = tuple(flight.ids.values()), _shared(flight.calls)
    return _ended(OverloadedHere, "this process is shutting down", ids, call)


def _has_more_time(call: Call, flight: _InFlightRead) -> bool:
    return flight.deadline is not None and (
        call.deadline is None or flight.deadline < call.deadline
    )


def _cut_short(answer: Answer) -> bool:
    """Whether a deadline ended the read of this answer."""
    return type(answer) is Unreadable and isinstance(answer.error, DeadlineExceeded)


def _shared(calls: Sequence[Call]) -> Call:
    """The terms of a flight: the latest deadline, the strictest staleness, an id for all."""
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
            for call in calls[1 : _MOST_WAITERS_NAMED + 1]
            if call.correlation_id is not None
        ),
    )
