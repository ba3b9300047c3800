"""The façade, over the default stack (R25)."""

from collections.abc import AsyncIterator
from math import inf, nan
from typing import Any, Self
from uuid import UUID, uuid4

import attrs
import pytest

from shelfport import (
    AlreadyThere,
    Created,
    Freshness,
    InMemoryInventory,
    InventoryIntegration,
    ProductVariantId,
    Settings,
    StockReading,
    SystemClock,
    Unavailable,
    UnavailableReason,
    build,
)
from shelfport.adapters.config.settings import InitializationOptions
from shelfport.errors import TimedOut
from shelfport.signals import BreakerState
from tests.support.ports import ScriptedPort, raising
from tests.support.values import ids

A, B = ids(2)


@pytest.fixture
def memory() -> InMemoryInventory:
    memory = InMemoryInventory(clock=SystemClock())
    memory.set_stock(A, 3)
    return memory


@pytest.fixture
async def inventory(memory: InMemoryInventory) -> AsyncIterator[InventoryIntegration]:
    async with build(Settings(), adapter=memory) as inventory:
        yield inventory


async def test_a_page(inventory: InventoryIntegration) -> None:
    """Each variant has a value under the key that was passed, in first-asked order."""
    page = await inventory.get_stock_levels([str(B), A, str(B)])

    assert [str(B), A] == list(page)
    assert Unavailable(UnavailableReason.UNKNOWN_VARIANT) == page[str(B)]
    assert isinstance(reading := page[A], StockReading)
    assert (reading.level.available_quantity, reading.freshness) == (3, Freshness.LIVE)


async def test_one_variant_spelt_in_two_ways(inventory: InventoryIntegration) -> None:
    """A variant that is passed as text and as a UUID stands under both."""
    variant = UUID("c9bf9e57-1685-4c89-bafb-ff5af830be8a")
    spellings: list[UUID | str] = [variant, str(variant), str(variant).upper()]

    page = await inventory.get_stock_levels(spellings)

    assert spellings == list(page)
    assert 1 == len(set(page.values()))


async def test_a_single_variant(inventory: InventoryIntegration) -> None:
    """One variant is answered without a page around it."""
    assert isinstance(await inventory.get_stock_level(str(A)), StockReading)


async def test_nothing() -> None:
    """No variants, no question to anybody."""
    port = ScriptedPort()
    async with build(Settings(), adapter=port) as inventory:
        assert {} == await inventory.get_stock_levels([])

    assert [] == port.reads


async def test_an_outage_does_not_raise(
    memory: InMemoryInventory, inventory: InventoryIntegration
) -> None:
    """With the service down and nothing kept, every variant is unavailable, and says why."""
    memory.fail_with(TimedOut("down"))

    assert {
        A: Unavailable(UnavailableReason.TIMED_OUT),
        B: Unavailable(UnavailableReason.TIMED_OUT),
    } == await inventory.get_stock_levels([A, B])


@pytest.mark.parametrize("bad", ["abc", "", UUID(int=0)])
async def test_what_is_no_variant(inventory: InventoryIntegration, bad: UUID | str) -> None:
    """A bad argument raises ValueError, whatever stands beside it."""
    with pytest.raises(ValueError, match="is not a variant id"):
        await inventory.get_stock_levels([A, bad])
    with pytest.raises(ValueError, match="is not a variant id"):
        await inventory.get_stock_level(bad)


async def test_text_in_place_of_a_list(inventory: InventoryIntegration) -> None:
    """One id where a list belongs is told as that, not as 36 bad ids."""
    with pytest.raises(ValueError, match="is one variant: pass a list"):
        await inventory.get_stock_levels(str(A))


@pytest.mark.parametrize("deadline", [0, -1, nan, inf])
async def test_bad_deadlines(inventory: InventoryIntegration, deadline: float) -> None:
    """A deadline is a time to come."""
    with pytest.raises(ValueError, match="it must be more than 0 seconds"):
        await inventory.get_stock_level(A, deadline=deadline)


async def test_bad_staleness(inventory: InventoryIntegration) -> None:
    """A negative age is refused."""
    with pytest.raises(ValueError, match="max_staleness is -1: it must be 0 seconds or more"):
        await inventory.get_stock_level(A, max_staleness=-1)


async def test_terms_reach_the_port() -> None:
    """Deadline and correlation id go down to the adapter; what is open is filled in."""
    port = ScriptedPort()
    clock = SystemClock()
    async with build(Settings(deadline=30), adapter=port) as inventory:
        before = clock.monotonic()
        await inventory.get_stock_level(A, deadline=10, correlation_id="page\r\n17")
        await inventory.get_stock_level(B)
        after = clock.monotonic()

    [(_, given), (_, filled)] = port.reads
    assert "page17" == given.correlation_id
    assert given.deadline is not None
    assert before + 10 <= given.deadline <= after + 10
    assert filled.correlation_id
    assert filled.deadline is not None
    assert before + 30 <= filled.deadline <= after + 30


async def test_no_kept_reading_at_a_checkout(inventory: InventoryIntegration) -> None:
    """With a staleness of 0 the service is asked, though a fresh reading is at hand."""
    await inventory.get_stock_level(A)

    kept = await inventory.get_stock_level(A)
    asked = await inventory.get_stock_level(A, max_staleness=0)

    assert isinstance(kept, StockReading)
    assert isinstance(asked, StockReading)
    assert (kept.freshness, asked.freshness) == (Freshness.CACHED, Freshness.LIVE)


async def test_a_new_variant(inventory: InventoryIntegration) -> None:
    """A new variant gets its record with the defaults, and is read at once."""
    await inventory.get_stock_level(B)

    outcome = await inventory.request_inventory_initialization(B)

    assert isinstance(outcome, Created)
    assert 0 == outcome.item.quantity
    assert isinstance(await inventory.get_stock_level(B), StockReading)


async def test_a_variant_that_had_a_record(inventory: InventoryIntegration) -> None:
    """A variant that has a record keeps its stock, and the caller learns of it."""
    outcome = await inventory.request_inventory_initialization(A, initial_quantity=50)

    assert isinstance(outcome, AlreadyThere)
    assert 3 == outcome.level.available_quantity


async def test_initial_stock() -> None:
    """What the caller says goes first, then the settings; each call has a key of its own."""
    port = ScriptedPort()
    settings = Settings(
        initialization=InitializationOptions(default_quantity=5, default_low_stock_threshold=2)
    )
    key = uuid4()
    async with build(settings, adapter=port) as inventory:
        await inventory.request_inventory_initialization(A)
        await inventory.request_inventory_initialization(
            A, initial_quantity=0, low_stock_threshold=0, idempotency_key=key
        )

    [(first, _), (second, _)] = port.initializations
    assert (5, 2) == (first.initial_quantity, first.low_stock_threshold)
    assert (0, 0, key) == (
        second.initial_quantity,
        second.low_stock_threshold,
        second.idempotency_key,
    )
    assert first.idempotency_key != key


async def test_a_failed_initialization_raises(
    memory: InMemoryInventory, inventory: InventoryIntegration
) -> None:
    """A record that was not opened is an error, so that the host rolls its product back (R20)."""
    memory.fail_with(TimedOut("down"))

    with pytest.raises(TimedOut, match="down"):
        await inventory.request_inventory_initialization(B)


async def test_bad_initial_stock(inventory: InventoryIntegration) -> None:
    """Bad numbers raise ValueError and send nothing."""
    with pytest.raises(ValueError, match="initial_quantity is -1"):
        await inventory.request_inventory_initialization(B, initial_quantity=-1)


@attrs.frozen
class Shoe:
    """A host's own model of what it sells."""

    sku: str
    inventory_id: ProductVariantId


async def test_the_hosts_own_models(memory: InMemoryInventory) -> None:
    """With a mapper the host asks for its own models and finds them in the page (R24)."""
    shoe, boot = Shoe("shoe", A), Shoe("boot", B)

    def mapper(shoe: Shoe, /) -> ProductVariantId:
        return shoe.inventory_id

    async with build(Settings(), adapter=memory, mapper=mapper) as inventory:
        page = await inventory.get_stock_levels([boot, shoe])
        one = await inventory.get_stock_level(shoe)
        opened = await inventory.request_inventory_initialization(boot)

    assert [boot, shoe] == list(page)
    assert isinstance(one, StockReading)
    assert isinstance(opened, Created)


class Resource(ScriptedPort):
    """A port that must be opened, and counts how often it was."""

    def __init__(self, fails: bool = False) -> None:
        super().__init__()
        self.log: list[str] = []
        self.fails = fails

    async def __aenter__(self) -> Self:
        if self.fails:
            raise OSError("no such thing")
        self.log.append("opened")
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.log.append("closed")


async def test_what_has_to_be_opened_is() -> None:
    """An adapter that is a context manager is opened and closed with the integration."""
    adapter = Resource()
    async with build(Settings(), adapter=adapter):
        assert ["opened"] == adapter.log

    assert ["opened", "closed"] == adapter.log


async def test_a_resource_that_does_not_open() -> None:
    """If something does not open, entering fails and the integration stays closed."""
    inventory = build(Settings(), adapter=Resource(fails=True))

    with pytest.raises(OSError, match="no such thing"):
        await inventory.__aenter__()
    with pytest.raises(RuntimeError, match="is not open"):
        await inventory.get_stock_level(A)


async def test_closed(memory: InMemoryInventory) -> None:
    """Before it is entered and after it is left, every method says so."""
    inventory = build(Settings(), adapter=memory)
    uses: list[Any] = [
        lambda: inventory.get_stock_levels([A]),
        lambda: inventory.get_stock_level(A),
        lambda: inventory.request_inventory_initialization(A),
    ]

    for use in uses:
        with pytest.raises(RuntimeError, match="is not open: use it inside `async with`"):
            await use()
    async with inventory:
        pass
    for use in uses:
        with pytest.raises(RuntimeError, match="is not open"):
            await use()


async def test_entering_twice(inventory: InventoryIntegration) -> None:
    """An integration is opened once at a time."""
    with pytest.raises(RuntimeError, match="is open already"):
        await inventory.__aenter__()


async def test_leaving_what_was_not_entered() -> None:
    """Leaving without having entered is no error."""
    await build(Settings()).__aexit__(None, None, None)


async def test_a_foreign_adapters_bug_does_not_take_the_page_down() -> None:
    """An adapter that breaks the port's rules costs its answers, not the page; it is named."""
    async with build(Settings(), adapter=ScriptedPort(raising(KeyError("bug")))) as inventory:
        answer = await inventory.get_stock_level(A)

    assert Unavailable(UnavailableReason.ADAPTER_FAULT) == answer


async def test_an_operator_opens_the_circuit(inventory: InventoryIntegration) -> None:
    """Held open, nothing is asked, and the page says why; let go, it is asked again."""
    inventory.force_circuit(BreakerState.OPEN)

    assert Unavailable(UnavailableReason.CIRCUIT_OPEN) == await inventory.get_stock_level(A)
    circuit = inventory.snapshot().circuit_breaker
    assert (BreakerState.OPEN, True) == (circuit.state, circuit.forced)

    inventory.force_circuit(None)
    assert isinstance(await inventory.get_stock_level(A), StockReading)
    circuit = inventory.snapshot().circuit_breaker
    assert (BreakerState.CLOSED, 1) == (circuit.state, circuit.calls)


def test_repr_shows_the_stack() -> None:
    """The integration shows its layers, from the outside in."""
    shown = repr(build(Settings()))

    names = [
        "InventoryIntegration(",
        "CacheLayer(",
        "DeadlineLayer(",
        "BatchingLayer(",
        "RecordingLayer(",
        "InMemory",
    ]
    assert sorted(shown.index(name) for name in names) == [shown.index(name) for name in names]


async def test_a_closed_integration_has_no_hits(memory: InMemoryInventory) -> None:
    """What memory holds is not handed out once the integration is closed."""
    async with build(Settings(), adapter=memory) as inventory:
        await inventory.get_stock_levels([A])

    with pytest.raises(RuntimeError, match="not open"):
        await inventory.get_stock_level(A)
    with pytest.raises(RuntimeError, match="not open"):
        await inventory.get_stock_levels([A])


async def test_a_mapper_is_asked_for_hits_too(memory: InMemoryInventory) -> None:
    """Where the host's mapper means something else by a UUID, a hit is found by what it means."""
    swapped = {A: B, B: A}
    memory.set_stock(B, 4)
    async with build(Settings(), adapter=memory, mapper=lambda ref: swapped[ref]) as inventory:
        await inventory.get_stock_levels([A, B])
        page = await inventory.get_stock_levels([A, B])
        one = await inventory.get_stock_level(B)

    assert [A, B] == list(page)
    assert page[B] is one
    assert isinstance(one, StockReading)
    assert A == one.level.variant_id


async def test_bad_terms_of_a_hit(inventory: InventoryIntegration) -> None:
    """A hit does not hide a bad argument."""
    await inventory.get_stock_levels([A])

    with pytest.raises(ValueError, match="deadline is -1"):
        await inventory.get_stock_levels([A], deadline=-1)
    with pytest.raises(ValueError, match="max_staleness"):
        await inventory.get_stock_level(A, max_staleness=-1)
    with pytest.raises(ValueError, match="is one variant"):
        await inventory.get_stock_levels("")
