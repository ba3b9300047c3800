"""`Coalesced`: callers who want the same at the same time share one request."""

import asyncio
from collections.abc import Mapping, Sequence
from math import inf

import attrs

from shelfport.adapters.background import Background
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
class _Flight:
    """One read, under way or about to leave, for any number of callers."""

    began: float
    """On the monotonic clock: what it brings was true then or later."""
    outcome: "asyncio.Future[_Outcome]"
    """Done when it has landed. A failure is a value here: if every caller has left, no exception
    may be left over that nobody retrieves."""
    calls: list[Call] = attrs.field(factory=list)
    ids: list[ProductVariantId] = attrs.field(factory=list)
    """Each one once."""
    deadline: float | None = None
    """The latest of those aboard at departure."""
    _by_int: dict[int, Answer] | None = None

    def answer(self, outcome: _Outcome, key: int) -> Answer:
        """What `outcome`, with which this has landed, says of the variant of that number."""
        if isinstance(outcome, InventoryError):
            return Unreadable(outcome)
        if self._by_int is None:
            self._by_int = {variant.int: answer for variant, answer in outcome.items()}
        return self._by_int[key]


@attrs.define(eq=False)
class Coalesced:
    """Gathers the reads of one turn of the event loop into one, and joins reads under way.

    Each id is under way once at most. A flight is a task of this layer, never a caller's: a
    caller who is cancelled leaves it alone, the first one included. It runs until the latest
    deadline of those who were aboard when it left; one who joined later, and has more time than
    that, asks again by itself. A caller joins a flight under way only if that began no longer
    ago than the caller's `max_staleness`; with 0 it shares the turn's batch alone.

    Right: `Deadlined(Coalesced(Split(…)))`: each waiter leaves at its own deadline.
    Wrong: `Split(Coalesced(…))`: each chunk is batched with itself.
    """

    inner: InventoryPort
    clock: Clock = attrs.field(repr=False)
    background: Background = attrs.field(repr=False)
    _boarding: _Flight | None = attrs.field(init=False, default=None, repr=False)
    """The flight that leaves at the end of this turn of the loop."""
    _under_way: dict[int, _Flight] = attrs.field(init=False, factory=dict, repr=False)
    """The latest flight of each id that has not landed; by `UUID.int`, whose hash costs nothing."""

    async def read(
        self, ids: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        """See `InventoryPort.read`."""
        answers: dict[int, Answer] = {}
        wanted = missing = {variant.int: variant for variant in ids}
        while missing:
            cut_short: dict[int, ProductVariantId] = {}
            for flight, aboard in self._board(missing, call):
                outcome = await asyncio.shield(flight.outcome)
                if len(flight.calls) == 1 and len(aboard) == len(wanted):
                    # Nobody else was aboard: what it brought is the answer as it stands.
                    if isinstance(outcome, InventoryError):
                        raise outcome
                    return outcome
                for key in aboard:
                    answer = answers[key] = flight.answer(outcome, key)
                    if type(answer) is Unreadable and _cut_short(answer, flight, call):
                        cut_short[key] = missing[key]
            missing = cut_short
        return settled({variant: answers[key] for key, variant in wanted.items()})

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        """Passed through: each one is an operation of its own."""
        return await self.inner.initialize(request, call)

    def _board(
        self, wanted: Mapping[int, ProductVariantId], call: Call
    ) -> list[tuple[_Flight, list[int]]]:
        """Find a flight for each id: the one under way, or the one that leaves next."""
        now = self.clock.monotonic()
        oldest = now - (inf if call.max_staleness is None else call.max_staleness)
        boarded: dict[_Flight, list[int]] = {}
        for key, variant in wanted.items():
            flight = self._under_way.get(key)
            if flight is None or (flight is not self._boarding and flight.began <= oldest):
                flight = self._boarding or self._open_boarding(now)
                flight.ids.append(variant)
                self._under_way[key] = flight
            boarded.setdefault(flight, []).append(key)
        for flight in boarded:
            flight.calls.append(call)
        return list(boarded.items())

    def _open_boarding(self, now: float) -> _Flight:
        loop = asyncio.get_running_loop()
        flight = self._boarding = _Flight(now, loop.create_future())
        loop.call_soon(self._depart, flight)
        return flight

    def _depart(self, flight: _Flight) -> None:
        self._boarding = None
        call = _shared(flight.calls)
        flight.deadline = call.deadline
        try:
            self.background.start(self._fly(flight, call), "inventory read")
        except RuntimeError as error:
            self._land(flight, error)

    async def _fly(self, flight: _Flight, call: Call) -> None:
        ids = tuple(flight.ids)
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
            self._land(flight, _ended(OverloadedHere, "this process is shutting down", ids, call))
            raise
        except BaseException as error:
            self._land(flight, error)
            raise
        else:
            self._land(flight, outcome)

    def _land(self, flight: _Flight, outcome: _Outcome | BaseException) -> None:
        for variant in flight.ids:
            key = variant.int
            if self._under_way.get(key) is flight:
                del self._under_way[key]
        if isinstance(outcome, Mapping | InventoryError):
            flight.outcome.set_result(outcome)
        else:
            flight.outcome.set_exception(outcome)
            flight.outcome.exception()  # retrieved, though everybody may have left


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


def _cut_short(answer: Unreadable, flight: _Flight, call: Call) -> bool:
    """Whether others' deadline ended the read of this answer, while this call has time left."""
    return (
        isinstance(answer.error, DeadlineExceeded)
        and flight.deadline is not None
        and (call.deadline is None or flight.deadline < call.deadline)
    )


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
