from collections.abc import Sequence
from types import MappingProxyType
from uuid import UUID

import attrs
import pytest

from shelfport import (
    STOCK_INFORMATION_UNAVAILABLE,
    Availability,
    Freshness,
    InventoryError,
    ProductVariantId,
    StockReading,
    Unavailable,
    UnavailableReason,
)
from shelfport.adapters.facade.host_ids import CanonicalIds
from shelfport.domain.model import IdFormat
from shelfport.domain.services import StockLookup
from shelfport.errors import (
    AdapterFault,
    CircuitOpen,
    Conflict,
    ConnectionFailed,
    ContractViolation,
    DeadlineExceeded,
    OperationInProgress,
    OverloadedHere,
    RequestRejected,
    ServiceFailed,
    ServiceOverloaded,
    TimedOut,
    Unauthorized,
)
from shelfport.ports import (
    DEFAULT_CALL,
    Answer,
    Call,
    UnknownVariant,
    Unreadable,
)
from tests.support.ports import Answers, Ids, ScriptedPort, raising
from tests.support.values import a_reading, an_id

A, B, C = an_id(1), an_id(2), an_id(3)
IDS = CanonicalIds(IdFormat.UUID)
CACHED = Freshness.CACHED


class Memory:
    """`CacheHits` for the variants that it stores; records what it is asked."""

    def __init__(self, *stored: ProductVariantId) -> None:
        self.stored = {variant: a_reading(variant, 7, freshness=CACHED) for variant in stored}
        self.asked: list[str | list[str]] = []

    def hit(self, text: str) -> StockReading | None:
        self.asked.append(text)
        return self.stored.get(ProductVariantId(text))

    def hit_many(self, texts: Sequence[str]) -> dict[ProductVariantId, StockReading] | None:
        self.asked.append(list(texts))
        ids = [ProductVariantId(text) for text in texts]
        if not self.stored.keys() >= set(ids):
            return None
        return {variant: self.stored[variant] for variant in ids}


def looking(port: ScriptedPort, *stored: ProductVariantId) -> StockLookup[UUID | str]:
    return StockLookup(port, Memory(*stored), IDS)


async def test_answers_become_availabilities() -> None:
    """A reading is shown as it is; unknown and unreadable variants are unavailable, and say why."""

    async def script(ids: Ids, call: Call) -> Answers:
        return {A: a_reading(A), B: UnknownVariant(B), C: Unreadable(TimedOut("late"))}

    lookup = looking(ScriptedPort(script))

    assert {
        A: a_reading(A),
        B: Unavailable(UnavailableReason.UNKNOWN_VARIANT),
        C: Unavailable(UnavailableReason.TIMED_OUT),
    } == await lookup.get_stock_levels((A, B, C), DEFAULT_CALL)


async def test_a_page_is_in_the_order_of_the_references() -> None:
    """A page has the order of the references, whatever the order of the port's answers."""

    async def script(ids: Ids, call: Call) -> Answers:
        return {B: a_reading(B, 2), A: a_reading(A, 1)}

    page = await looking(ScriptedPort(script)).get_stock_levels([UUID(A), UUID(B)], DEFAULT_CALL)

    quantities = [
        each.level.available_quantity for each in page.values() if isinstance(each, StockReading)
    ]
    assert ([UUID(A), UUID(B)], [1, 2]) == (list(page), quantities)


async def test_a_page_is_a_dict() -> None:
    """A port's mapping of another type becomes a dict, which belongs to the caller."""

    async def script(ids: Ids, call: Call) -> Answers:
        return MappingProxyType({A: a_reading(A)})

    page = await looking(ScriptedPort(script)).get_stock_levels([A], DEFAULT_CALL)

    assert ({A: a_reading(A)}, dict) == (page, type(page))


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (TimedOut, UnavailableReason.TIMED_OUT),
        (ConnectionFailed, UnavailableReason.UNREACHABLE),
        (ServiceOverloaded, UnavailableReason.OVERLOADED),
        (ServiceFailed, UnavailableReason.SERVICE_FAILED),
        (CircuitOpen, UnavailableReason.CIRCUIT_OPEN),
        (RequestRejected, UnavailableReason.REJECTED),
        (Unauthorized, UnavailableReason.UNAUTHORIZED),
        (ContractViolation, UnavailableReason.CONTRACT_VIOLATION),
        (OperationInProgress, UnavailableReason.OVERLOADED),
        (OverloadedHere, UnavailableReason.OVERLOADED),
        (DeadlineExceeded, UnavailableReason.TIMED_OUT),
        (Conflict, UnavailableReason.REJECTED),
        (AdapterFault, UnavailableReason.ADAPTER_FAULT),
    ],
)
async def test_no_outage_raises(error: type[InventoryError], reason: UnavailableReason) -> None:
    """In an outage a page has a value for each variant, in the order of the request."""
    lookup = looking(ScriptedPort(raising(error("it failed"))))

    page = await lookup.get_stock_levels((B, A, B), DEFAULT_CALL)

    assert [(B, Unavailable(reason)), (A, Unavailable(reason))] == list(page.items())


async def test_bugs_are_not_outages() -> None:
    """An exception that is not an InventoryError is a bug, and is raised."""
    lookup = looking(ScriptedPort(raising(KeyError("bug"))))

    with pytest.raises(KeyError):
        await lookup.get_stock_levels((A,), DEFAULT_CALL)


async def test_one_variant() -> None:
    """One variant is read like a page of one."""
    port = ScriptedPort()

    assert a_reading(A) == await looking(port).get_stock_level(A, DEFAULT_CALL)
    assert port.reads == [([A], DEFAULT_CALL)]


async def test_one_variant_in_an_outage() -> None:
    """One variant of an outage is unavailable, and says why."""
    lookup = looking(ScriptedPort(raising(TimedOut("late"))))

    assert Unavailable(UnavailableReason.TIMED_OUT) == await lookup.get_stock_level(A, DEFAULT_CALL)


async def test_hits_are_asked_before_the_port() -> None:
    """What is in memory is returned, and the port is not asked."""
    port, memory = ScriptedPort(), Memory(A, B)
    lookup = StockLookup(port, memory, IDS)

    page = await lookup.get_stock_levels([B, A], DEFAULT_CALL)
    reading = await lookup.get_stock_level(A, DEFAULT_CALL)

    assert [(B, memory.stored[B]), (A, memory.stored[A])] == list(page.items())
    assert memory.stored[A] is reading
    assert [[B, A], A] == memory.asked
    assert [] == port.reads


async def test_hits_are_asked_before_ids_are_checked() -> None:
    """A page of hits costs no check of its ids."""

    class Unchecked(CanonicalIds):
        def variants(self, refs: Sequence[UUID | str]) -> Sequence[ProductVariantId]:
            raise AssertionError(f"{refs} were checked")

    lookup = StockLookup(ScriptedPort(), Memory(A), Unchecked(IdFormat.UUID))

    assert {A: a_reading(A, 7, freshness=CACHED)} == await lookup.get_stock_levels(
        [A], DEFAULT_CALL
    )
    assert a_reading(A, 7, freshness=CACHED) == await lookup.get_stock_level(A, DEFAULT_CALL)


async def test_a_page_is_a_hit_as_a_whole() -> None:
    """A page with one variant that is no hit is read from the port, all of it."""
    port, memory = ScriptedPort(), Memory(A)
    lookup = StockLookup(port, memory, IDS)

    assert {A: a_reading(A), B: a_reading(B)} == await lookup.get_stock_levels([A, B], DEFAULT_CALL)
    assert a_reading(B) == await lookup.get_stock_level(B, DEFAULT_CALL)
    assert [[A, B], B] == memory.asked
    assert [([A, B], DEFAULT_CALL), ([B], DEFAULT_CALL)] == port.reads


@pytest.mark.parametrize("call", [Call(max_staleness=60), Call(max_staleness=0), Call(deadline=9)])
async def test_hits_are_not_asked_for_a_call_with_limits(call: Call) -> None:
    """A call with `max_staleness` or a deadline goes to the port with its limits."""
    port, memory = ScriptedPort(), Memory(A)
    lookup = StockLookup(port, memory, IDS)

    assert {A: a_reading(A)} == await lookup.get_stock_levels([A], call)
    assert a_reading(A) == await lookup.get_stock_level(A, call)
    assert [] == memory.asked
    assert [([A], call)] * 2 == port.reads


async def test_a_correlation_id_is_no_limit() -> None:
    """A call that has only a correlation id is answered from memory."""
    memory = Memory(A)
    lookup = StockLookup(ScriptedPort(), memory, IDS)
    call = Call(correlation_id="page-17")

    assert {A: memory.stored[A]} == await lookup.get_stock_levels([A], call)
    assert memory.stored[A] == await lookup.get_stock_level(A, call)


@pytest.mark.parametrize("stored", [(A, B), ()])
async def test_results_are_under_the_callers_references(
    stored: tuple[ProductVariantId, ...],
) -> None:
    """A page of UUID objects has them as keys, each once, from memory and from the port."""
    a, b = UUID(A), UUID(B)
    lookup = looking(ScriptedPort(), *stored)

    page = await lookup.get_stock_levels([b, a, b], DEFAULT_CALL)

    quantity, freshness = (7, CACHED) if stored else (100, Freshness.LIVE)
    assert [
        (b, a_reading(B, quantity, freshness=freshness)),
        (a, a_reading(A, quantity, freshness=freshness)),
    ] == list(page.items())


@pytest.mark.parametrize("stored", [(A,), ()])
async def test_odd_spellings_keep_their_form(stored: tuple[ProductVariantId, ...]) -> None:
    """Spellings of one variant are read as one id, and each is a key of the result."""
    port = ScriptedPort()
    lookup = looking(port, *stored)
    spellings: list[UUID | str] = [A.replace("-", ""), A, f"{{{A.upper()}}}", UUID(A)]

    page = await lookup.get_stock_levels(spellings, DEFAULT_CALL)

    assert spellings == list(page)
    assert {a_reading(A)} == set(page.values())
    assert [([A] * 4, DEFAULT_CALL)] == port.reads


async def test_an_odd_spelling_of_one_variant() -> None:
    """A spelling that is not canonical is no hit, and is read from the port under the id."""
    port = ScriptedPort()

    reading = await looking(port, A).get_stock_level(A.upper().replace("-", ""), DEFAULT_CALL)

    assert a_reading(A) == reading
    assert [([A], DEFAULT_CALL)] == port.reads


@pytest.mark.parametrize("call", [DEFAULT_CALL, Call(max_staleness=60)])
@pytest.mark.parametrize("value", ["SCARF-BLUE", "", 5, object(), UUID(int=0)])
async def test_no_id_is_refused(value: str, call: Call) -> None:
    """A reference that is no id raises a `ValueError`, and nothing is read."""
    port = ScriptedPort()
    lookup = looking(port, A)

    with pytest.raises(ValueError, match="is not a variant id"):
        await lookup.get_stock_level(value, call)
    with pytest.raises(ValueError, match="is not a variant id"):
        await lookup.get_stock_levels([A, value], call)
    assert [] == port.reads


async def test_an_empty_page() -> None:
    """A page without variants is empty, and costs no look-up in memory."""
    memory = Memory()

    assert {} == await StockLookup(ScriptedPort(), memory, IDS).get_stock_levels([], DEFAULT_CALL)
    assert [] == memory.asked


def test_the_words_of_the_page() -> None:
    """The text of an unavailable variant is the one that the requirement gives (R18)."""
    assert "Stock information unavailable" == STOCK_INFORMATION_UNAVAILABLE
    assert str(Unavailable(UnavailableReason.TIMED_OUT)) == STOCK_INFORMATION_UNAVAILABLE


async def test_hits_are_returned_under_uuids() -> None:
    """A page of hits that was asked for by UUID objects is returned under them, in their order."""
    memory = Memory(A, B)
    lookup = StockLookup(ScriptedPort(), memory, IDS)

    page = await lookup.get_stock_levels([UUID(B), UUID(A)], DEFAULT_CALL)

    assert [(UUID(B), memory.stored[B]), (UUID(A), memory.stored[A])] == list(page.items())


async def test_a_mapper_that_loses_a_reference_is_a_bug() -> None:
    """A mapper that returns fewer ids than it got is found, and no reference is left out."""

    class Losing(CanonicalIds):
        def texts(self, refs: Sequence[UUID | str]) -> Sequence[str]:
            return super().texts(refs[1:])

        def variants(self, refs: Sequence[UUID | str]) -> Sequence[ProductVariantId]:
            return super().variants(refs[1:])

    for memory in (Memory(), Memory(B)):
        lookup = StockLookup(ScriptedPort(), memory, Losing(IdFormat.UUID))

        with pytest.raises(ValueError, match="argument 2 is shorter"):
            await lookup.get_stock_levels([UUID(A), UUID(B)], DEFAULT_CALL)


def shown(answer: Answer) -> StockLookup[UUID | str]:
    """Looks up A in a service that gives `answer`."""

    async def script(ids: Ids, call: Call) -> Answers:
        return {A: answer}

    return looking(ScriptedPort(script))


OLD = attrs.evolve(a_reading(A), upstream_age=60.0)
GUESSED = attrs.evolve(
    a_reading(A), level=attrs.evolve(a_reading(A).level, reported_status="BACKORDER")
)
UNKNOWN = Unavailable(UnavailableReason.UNKNOWN_VARIANT)
TOO_OLD = Unavailable(UnavailableReason.TOO_OLD)
NO_GUESS = Unavailable(UnavailableReason.CONTRACT_VIOLATION)


@pytest.mark.parametrize(
    ("answer", "max_staleness", "expected"),
    [
        (OLD, None, OLD),
        (OLD, 60, OLD),
        (OLD, 59.9, TOO_OLD),
        (OLD, 0, TOO_OLD),
        (a_reading(A), 0, a_reading(A)),
        (UnknownVariant(A, upstream_age=60.0), None, UNKNOWN),
        (UnknownVariant(A, upstream_age=60.0), 60, UNKNOWN),
        (UnknownVariant(A, upstream_age=60.0), 59.9, TOO_OLD),
        (UnknownVariant(A), 0, UNKNOWN),
        (GUESSED, None, GUESSED),
        (GUESSED, 0.1, GUESSED),
        (GUESSED, 0, NO_GUESS),
        (Unreadable(TimedOut("late")), 0, Unavailable(UnavailableReason.TIMED_OUT)),
    ],
)
async def test_a_limit_refuses_old_answers_and_guesses(
    answer: Answer, max_staleness: float | None, expected: Availability
) -> None:
    """A caller's limit refuses an answer that was older on arrival; a limit of 0 also a guess."""
    call = Call(max_staleness=max_staleness)

    assert {A: expected} == await shown(answer).get_stock_levels([A], call)
    assert expected == await shown(answer).get_stock_level(A, call)


async def test_a_limit_refuses_one_variant_of_a_page() -> None:
    """What is refused of a page is refused alone, under the caller's own references."""

    async def script(ids: Ids, call: Call) -> Answers:
        return {A: OLD, B: a_reading(B), C: UnknownVariant(C)}

    page = await looking(ScriptedPort(script)).get_stock_levels(
        [UUID(C), UUID(B), UUID(A)], Call(max_staleness=1)
    )

    assert [(UUID(C), UNKNOWN), (UUID(B), a_reading(B)), (UUID(A), TOO_OLD)] == list(page.items())
