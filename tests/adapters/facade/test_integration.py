"""The façade, over the default stack (R25)."""

import asyncio
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
from tests.support.reopening import open_and_close
from tests.support.values import ids

A, B = ids(2)


@pytest.fixture
def memory() -> InMemoryInventory:
    memory = InMemoryInventory(clock=SystemClock())
    memory.set_stock(A, 3)
    return memory


@pytest.fixture(params=["opened", "opened again"])
async def inventory(
    memory: InMemoryInventory, request: pytest.FixtureRequest
) -> AsyncIterator[InventoryIntegration]:
    """It is open; or it was open before, in another event loop."""
    inventory = build(Settings(), adapter=memory)
    if request.param == "opened again":
        await asyncio.to_thread(open_and_close, inventory)
    async with inventory:
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
    """A single variant has a single value."""
    assert isinstance(await inventory.get_stock_level(str(A)), StockReading)


async def test_nothing() -> None:
    """Without variants no request is sent."""
    port = ScriptedPort()
    async with build(Settings(), adapter=port) as inventory:
        assert {} == await inventory.get_stock_levels([])

    assert [] == port.reads


async def test_an_outage_does_not_raise(
    memory: InMemoryInventory, inventory: InventoryIntegration
) -> None:
    """Without the service and cached readings, every variant is unavailable, with the reason."""
    memory.fail_with(TimedOut("down"))

    assert {
        A: Unavailable(UnavailableReason.TIMED_OUT),
        B: Unavailable(UnavailableReason.TIMED_OUT),
    } == await inventory.get_stock_levels([A, B])


@pytest.mark.parametrize("bad", ["abc", "", UUID(int=0)])
async def test_what_is_no_variant(inventory: InventoryIntegration, bad: UUID | str) -> None:
    """A bad argument raises ValueError, whatever the other arguments are."""
    with pytest.raises(ValueError, match="is not a variant id"):
        await inventory.get_stock_levels([A, bad])
    with pytest.raises(ValueError, match="is not a variant id"):
        await inventory.get_stock_level(bad)


async def test_text_in_place_of_a_list(inventory: InventoryIntegration) -> None:
    """One id instead of a list gets a message of its own, not one about 36 bad ids."""
    with pytest.raises(ValueError, match="is one variant: pass a list"):
        await inventory.get_stock_levels(str(A))


@pytest.mark.parametrize("deadline", [0, -1, nan, inf])
async def test_bad_deadlines(inventory: InventoryIntegration, deadline: float) -> None:
    """A deadline that is not positive is refused."""
    with pytest.raises(ValueError, match="it must be more than 0 seconds"):
        await inventory.get_stock_level(A, deadline=deadline)


async def test_bad_staleness(inventory: InventoryIntegration) -> None:
    """A negative age is refused."""
    with pytest.raises(ValueError, match="max_staleness is -1: it must be 0 seconds or more"):
        await inventory.get_stock_level(A, max_staleness=-1)


async def test_terms_reach_the_port() -> None:
    """Deadline and correlation id reach the adapter; missing ones are filled in."""
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
    """With max_staleness=0 the service is asked, although the cache has a fresh reading."""
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
    """A variant with a record keeps its stock, and the outcome is `AlreadyThere`."""
    outcome = await inventory.request_inventory_initialization(A, initial_quantity=50)

    assert isinstance(outcome, AlreadyThere)
    assert 3 == outcome.level.available_quantity


async def test_initial_stock() -> None:
    """Arguments win over settings; each call has its own key."""
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
    """Invalid numbers raise ValueError, and no request is sent."""
    with pytest.raises(ValueError, match="initial_quantity is -1"):
        await inventory.request_inventory_initialization(B, initial_quantity=-1)


@attrs.frozen
class Shoe:
    """A host's own model of a variant."""

    sku: str
    inventory_id: ProductVariantId


async def test_the_hosts_own_models(memory: InMemoryInventory) -> None:
    """With a mapper the host passes its own models, and they are the keys of the page (R24)."""
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


async def test_an_adapter_with_resources() -> None:
    """An adapter with resources is opened and closed with the integration."""
    adapter = Resource()
    async with build(Settings(), adapter=adapter):
        assert ["opened"] == adapter.log

    assert ["opened", "closed"] == adapter.log


async def test_a_resource_that_does_not_open() -> None:
    """If a part fails to open, entering fails, and the integration stays closed."""
    inventory = build(Settings(), adapter=Resource(fails=True))

    with pytest.raises(OSError, match="no such thing"):
        await inventory.__aenter__()
    with pytest.raises(RuntimeError, match="is not open"):
        await inventory.get_stock_level(A)


async def test_closed(memory: InMemoryInventory) -> None:
    """Every method of a closed integration raises an error that says so."""
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
    await build(Settings(adapter="memory")).__aexit__(None, None, None)


async def test_a_foreign_adapters_bug_does_not_take_the_page_down() -> None:
    """An adapter's bug makes its variants unavailable; the page is served, and the log names it."""
    async with build(Settings(), adapter=ScriptedPort(raising(KeyError("bug")))) as inventory:
        answer = await inventory.get_stock_level(A)

    assert Unavailable(UnavailableReason.ADAPTER_FAULT) == answer


async def test_an_operator_opens_the_circuit(inventory: InventoryIntegration) -> None:
    """While the circuit is forced open no request is sent, and the page has the reason."""
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
    shown = repr(build(Settings(adapter="memory")))

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
    """A closed integration does not serve hits."""
    async with build(Settings(), adapter=memory) as inventory:
        await inventory.get_stock_levels([A])

    with pytest.raises(RuntimeError, match="not open"):
        await inventory.get_stock_level(A)
    with pytest.raises(RuntimeError, match="not open"):
        await inventory.get_stock_levels([A])


async def test_a_mapper_is_asked_for_hits_too(memory: InMemoryInventory) -> None:
    """With the host's own mapper, a hit is looked up by the mapped id."""
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
