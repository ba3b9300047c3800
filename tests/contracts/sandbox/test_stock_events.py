"""The sandbox publishes an event when stock crosses a threshold."""

import asyncio

import aiohttp
import pytest

from shelfport import InventoryEvent, StockStatus
from shelfport.contracts.sandbox import Sandbox, SeedRecord
from shelfport.contracts.sandbox.stock_events import event_type_of
from tests.support.values import BACK, LOW, OUT, ids

A, B = ids(2)
SEED = [SeedRecord(A, 50, 10), SeedRecord(B, 0, 10)]
I, L, O = StockStatus.IN_STOCK, StockStatus.LOW_STOCK, StockStatus.OUT_OF_STOCK  # noqa: E741 - as in the table below


class Bus:
    def __init__(self) -> None:
        self.events: list[InventoryEvent] = []
        self.failures = 0

    async def publish(self, event: InventoryEvent) -> None:
        if self.failures:
            self.failures -= 1
            raise ConnectionError("away")
        self.events.append(event)


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (I, L, LOW),
        (I, O, OUT),
        (L, O, OUT),
        (O, I, BACK),
        (O, L, BACK),
        (L, I, None),
    ],
)
def test_which_change_has_an_event(
    before: StockStatus, after: StockStatus, kind: type[InventoryEvent] | None
) -> None:
    """Falling to low, running out and coming back have an event; rising from low has none."""
    assert kind is event_type_of(before, after)


async def test_events_are_published_in_order() -> None:
    """Each crossing is one event, in order, later than the one before and as of its row."""
    bus = Bus()
    async with Sandbox(seed=SEED, publish=bus.publish) as sandbox:
        levels = [sandbox.set_stock(A, quantity) for quantity in (49, 10, 9, 0, 0, 5)]
    changed = [levels[1], levels[3], levels[5]]

    assert [LOW, OUT, BACK] == [type(event) for event in bus.events]
    times = [event.occurred_at for event in bus.events]
    assert sorted(set(times)) == times
    assert all(at >= level.updated_at for at, level in zip(times, changed, strict=True))
    assert {A} == {event.variant_id for event in bus.events}


async def test_a_change_over_http_publishes_an_event() -> None:
    """The control endpoint changes stock as `set_stock` does; a new record is no change."""
    bus = Bus()
    async with (
        Sandbox(seed=SEED, publish=bus.publish) as sandbox,
        aiohttp.ClientSession() as session,
    ):
        for variant, quantity in ((B, 3), (ids(3)[2], 0)):
            url = f"{sandbox.url}/_sandbox/stock/{variant}"
            async with session.put(url, json={"availableQuantity": quantity}) as response:
                assert 200 == response.status

    assert [(BACK, B)] == [(type(event), event.variant_id) for event in bus.events]


async def test_an_unavailable_bus_loses_no_event() -> None:
    """An event that could not be published is published later, before the events after it."""
    bus = Bus()
    bus.failures = 1
    async with Sandbox(seed=SEED, publish=bus.publish) as sandbox:
        sandbox.set_stock(A, 0)
        sandbox.set_stock(A, 20)
        async with asyncio.timeout(5):
            while len(bus.events) < 2:  # noqa: ASYNC110 - the bus has no event for it
                await asyncio.sleep(0.01)

    assert [OUT, BACK] == [type(event) for event in bus.events]
