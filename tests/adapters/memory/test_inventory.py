import attrs
import pytest

from shelfport import (
    AlreadyThere,
    Created,
    InMemoryInventory,
    StockReading,
    StockStatus,
)
from shelfport.errors import (
    Conflict,
    DeadlineExceeded,
    ReachedService,
    TimedOut,
)
from shelfport.ports import DEFAULT_CALL, Call, UnknownVariant
from tests.support.clocks import EPOCH, ManualClock
from tests.support.values import an_initial_stock, ids

A, B, C = ids(3)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def memory(clock: ManualClock) -> InMemoryInventory:
    return InMemoryInventory(clock=clock)


@pytest.mark.parametrize(
    ("quantity", "status"),
    [
        (0, StockStatus.OUT_OF_STOCK),
        (1, StockStatus.LOW_STOCK),
        (5, StockStatus.LOW_STOCK),
        (6, StockStatus.IN_STOCK),
    ],
)
async def test_status_follows_quantity(
    memory: InMemoryInventory, quantity: int, status: StockStatus
) -> None:
    """0 units are out of stock; up to the threshold stock is low; above it, in stock."""
    memory.set_stock(A, quantity, low_stock_threshold=5)

    reading = (await memory.read([A], DEFAULT_CALL))[A]

    assert isinstance(reading, StockReading)
    assert (quantity, status) == (reading.level.available_quantity, reading.level.status)


async def test_set_stock_of_a_record(memory: InMemoryInventory, clock: ManualClock) -> None:
    """`set_stock` sets the time of the update, and leaves the threshold as it is."""
    memory.set_stock(A, 100, low_stock_threshold=5)
    clock.advance(60)
    memory.set_stock(A, 6, low_stock_threshold=50)

    reading = (await memory.read([A], DEFAULT_CALL))[A]

    assert isinstance(reading, StockReading)
    assert StockStatus.IN_STOCK is reading.level.status
    assert clock.now() == reading.level.updated_at == reading.as_of


async def test_reads(memory: InMemoryInventory) -> None:
    """One entry for each distinct id, in first-asked order; without a record it is unknown."""
    memory.set_stock(A, 1)

    answers = await memory.read([B, A, B], DEFAULT_CALL)

    assert list(answers) == [B, A]
    assert UnknownVariant(B) == answers[B]


async def test_alone_an_unknown_variant_is_confirmed(memory: InMemoryInventory) -> None:
    """As over HTTP, a read of one variant alone confirms that it is unknown."""
    answers = [await memory.read(asked, DEFAULT_CALL) for asked in ([A, A], [A, B])]

    assert [True, False] == [
        answer.confirmed for each in answers if isinstance(answer := each[A], UnknownVariant)
    ]


async def test_nothing_asked(memory: InMemoryInventory) -> None:
    """An empty read returns an empty mapping, also if every call fails."""
    memory.fail_with(TimedOut("down"))

    assert {} == await memory.read([], DEFAULT_CALL)


async def test_remove(memory: InMemoryInventory) -> None:
    """A removed variant is unknown; removing an unknown one is no error."""
    memory.set_stock(A, 1)
    memory.remove(A)
    memory.remove(A)

    assert {A: UnknownVariant(A)} == await memory.read([A], DEFAULT_CALL)


async def test_initialize(memory: InMemoryInventory) -> None:
    """A new record shows the initial quantity, and is read from then on."""
    outcome = await memory.initialize(an_initial_stock(A, quantity=3), DEFAULT_CALL)

    assert isinstance(outcome, Created)
    assert (
        outcome.item.quantity,
        outcome.item.available_quantity,
        outcome.item.status,
        outcome.item.updated_at,
    ) == (3, 3, StockStatus.LOW_STOCK, EPOCH)
    assert (
        StockReading(outcome.item.level, EPOCH, "memory")
        == (await memory.read([A], DEFAULT_CALL))[A]
    )


async def test_the_same_key_again(memory: InMemoryInventory) -> None:
    """Repeating an operation returns its first answer, also when the stock has changed."""
    request = an_initial_stock(A, quantity=3)
    first = await memory.initialize(request, DEFAULT_CALL)
    memory.set_stock(A, 50)

    assert first == await memory.initialize(request, DEFAULT_CALL)


async def test_another_key(memory: InMemoryInventory) -> None:
    """A second operation on a variant finds its record, and leaves the stock alone."""
    memory.set_stock(A, 50)

    outcome = await memory.initialize(an_initial_stock(A, quantity=3), DEFAULT_CALL)

    assert isinstance(outcome, AlreadyThere)
    assert 50 == outcome.level.available_quantity


async def test_a_key_for_something_else(memory: InMemoryInventory) -> None:
    """One key for two different requests is a conflict."""
    request = an_initial_stock(A)
    await memory.initialize(request, DEFAULT_CALL)

    with pytest.raises(Conflict, match=f"key {request.idempotency_key} belongs to another"):
        await memory.initialize(attrs.evolve(request, initial_quantity=1), DEFAULT_CALL)


async def test_failing(memory: InMemoryInventory) -> None:
    """`fail_with` fails every call, which changes nothing; `fail_with(None)` ends that."""
    memory.fail_with(TimedOut("down"))
    with pytest.raises(TimedOut, match="down"):
        await memory.read([A], DEFAULT_CALL)
    with pytest.raises(TimedOut, match="down"):
        await memory.initialize(an_initial_stock(A), DEFAULT_CALL)
    memory.fail_with(None)

    assert {A: UnknownVariant(A)} == await memory.read([A], DEFAULT_CALL)


async def test_deadline(memory: InMemoryInventory, clock: ManualClock) -> None:
    """A call after its deadline is refused."""
    call = Call(deadline=clock.monotonic())

    with pytest.raises(DeadlineExceeded) as info:
        await memory.read([A], call)

    assert ReachedService.NO is info.value.reached_service


def test_repr(memory: InMemoryInventory) -> None:
    """The repr shows the number of records."""
    memory.set_stock(A, 1)

    assert "InMemoryInventory(1 records)" == repr(memory)
