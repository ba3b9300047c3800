"""Which processes take events from the consumer group: those that are told to, and no other."""

import asyncio
from typing import Any

import pytest
from dependency_injector import providers

from shelfport import Container, InventoryIntegration, Settings, build, health
from shelfport.adapters.bus import opening
from shelfport.adapters.bus.in_process import InProcessBus
from shelfport.adapters.events.publisher import EventPublisher
from shelfport.domain.model import InventoryEvent, InventoryOutOfStock
from shelfport.options import EventOptions, NotificationOptions
from tests.support.catalogs import ShownCatalog
from tests.support.values import an_event, an_id, ids
from tests.support.waiting import until

IN_MEMORY = Settings(adapter="memory")


class Team:
    """A notifier that keeps what it gets."""

    def __init__(self) -> None:
        self.events: list[InventoryEvent] = []

    async def notify(self, event: InventoryEvent) -> None:
        self.events.append(event)


def wanted(inventory: InventoryIntegration) -> bool:
    events = inventory.snapshot().events
    assert events is not None
    return events.catalog.wanted


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        (IN_MEMORY, {}),
        (
            Settings(
                adapter="memory",
                notifications=NotificationOptions(out_of_stock_webhook="http://127.0.0.1:9"),
            ),
            {},
        ),
        (
            Settings(adapter="memory", events=EventOptions(consume=False)),
            {"catalog": ShownCatalog(), "notifier": Team()},
        ),
    ],
    ids=["no catalog", "a webhook in its environment", "consume is false"],
)
async def test_a_process_that_is_no_consumer(settings: Settings, parts: dict[str, Any]) -> None:
    """It takes no event from the process that has the catalog, and is healthy without."""
    bus, catalog = InProcessBus(), ShownCatalog()
    async with (
        build(settings, bus=bus, **parts) as report,
        build(IN_MEMORY, bus=bus, catalog=catalog) as shop,
        EventPublisher(bus) as publisher,
    ):
        await asyncio.sleep(0.05)
        for variant in ids(20):
            await publisher.publish(an_event(InventoryOutOfStock, variant))
        await until(lambda: len(catalog.calls) == 20)

        events = report.snapshot().events
        assert events is not None
        assert (False, 0) == (wanted(report), events.catalog.handled)
        assert events.invalidation.connected
        assert health(report.snapshot()).ready
        assert () == health(report.snapshot()).reasons
        assert wanted(shop)


async def test_a_notifier_alone() -> None:
    """A process that has a notifier and no catalog was told to notify: it takes the events."""
    bus, team = InProcessBus(), Team()
    async with (
        build(IN_MEMORY, bus=bus, notifier=team) as alerts,
        EventPublisher(bus) as publisher,
    ):
        await publisher.publish(an_event(InventoryOutOfStock, an_id(1)))
        await until(lambda: team.events)
        assert wanted(alerts)


@pytest.mark.parametrize(
    ("parts", "group"),
    [
        ({"catalog": ShownCatalog()}, "shop"),
        ({"catalog": ShownCatalog(), "notifier": Team()}, "shop"),
        ({"notifier": Team()}, "shop-notifications"),
    ],
    ids=["catalog", "both", "notifier"],
)
def test_the_group(monkeypatch: pytest.MonkeyPatch, parts: dict[str, object], group: str) -> None:
    """A notifier without a catalog has a group of its own: it takes nothing from the catalogs."""
    opened: list[EventOptions] = []
    monkeypatch.setattr(opening, "open_bus", opened.append)
    events = EventOptions(url="nats://127.0.0.1:9", consumer_group="shop")
    container = Container(
        settings=providers.Object(Settings(adapter="memory", events=events)),
        **{name: providers.Object(part) for name, part in parts.items()},
    )

    container.bus()

    assert [group] == [options.consumer_group for options in opened]
