"""The host's mapper in an integration: who needs the way back, and who speaks which ids."""

import sys
from collections.abc import Iterator
from datetime import datetime
from types import ModuleType
from typing import Any
from uuid import UUID

import attrs
import pytest

from shelfport import (
    InitializationPolicy,
    InMemoryInventory,
    InventoryEvent,
    InventoryLowStock,
    NewVariant,
    ProductVariantId,
    Queued,
    Settings,
    SettingsError,
    StockReading,
    StockStatus,
    SystemClock,
    Unavailable,
    build,
)
from shelfport.adapters.events.publisher import EventPublisher
from shelfport.errors import TimedOut
from shelfport.options import QueueOptions
from shelfport.outbox import InMemoryQueue
from shelfport.testing import InProcessBus
from tests.support.values import an_event, an_id
from tests.support.waiting import eventually, until

SCARF, HAT = an_id(1), an_id(2)
STRANGER = an_id(9)
IDS = {"SCARF-BLUE": SCARF, "HAT": HAT}
SKUS = {variant: sku for sku, variant in IDS.items()}
NOT_ORDERABLE = InitializationPolicy.NOT_ORDERABLE
WAY_BACK = r"^mapper is a function, which only leads to ids, and the {} needs the way back: give a "


class Skus:
    """A mapper of a host whose references are SKUs."""

    def to_variant(self, ref: str, /) -> UUID | str:
        return IDS[ref]

    def to_host(self, variant: ProductVariantId, /) -> str:
        return SKUS[variant]


def to_variant(ref: str, /) -> UUID | str:
    return IDS[ref]


@attrs.define
class Shop:
    """A host's catalog and notifier, by SKU."""

    orderable: list[tuple[str, bool]] = attrs.field(factory=list)
    statuses: list[tuple[str, StockStatus]] = attrs.field(factory=list)
    events: list[InventoryEvent] = attrs.field(factory=list)

    async def mark_not_orderable(self, variant: str) -> None:
        self.orderable.append((variant, False))

    async def mark_orderable(self, variant: str) -> None:
        self.orderable.append((variant, True))

    async def show_status(self, variant: str, status: StockStatus, as_of: datetime) -> None:
        self.statuses.append((variant, status))

    async def notify(self, event: InventoryEvent) -> None:
        self.events.append(event)


@pytest.fixture
def memory() -> InMemoryInventory:
    memory = InMemoryInventory(clock=SystemClock())
    memory.set_stock(SCARF, 3)
    return memory


@pytest.mark.parametrize("mapper", [Skus(), to_variant], ids=["two ways", "one way"])
async def test_the_host_gets_its_own_keys_back(memory: InMemoryInventory, mapper: Any) -> None:
    """Pages and outcomes are under the host's own references, hits and misses alike."""
    async with build(Settings(), adapter=memory, mapper=mapper) as inventory:
        asked = await inventory.get_stock_levels(["HAT", "SCARF-BLUE"])
        kept = await inventory.get_stock_levels(["SCARF-BLUE", "SCARF-BLUE"])
        one = await inventory.get_stock_level("SCARF-BLUE")
        outcomes = await inventory.request_inventory_initializations([NewVariant("HAT")])

    assert ["HAT", "SCARF-BLUE"] == list(asked)
    assert isinstance(asked["HAT"], Unavailable)
    assert {"SCARF-BLUE": one} == kept
    assert isinstance(one, StockReading)
    assert SCARF == one.level.variant_id
    assert ["HAT"] == list(outcomes)


async def test_events_reach_the_host_under_its_own_ids(memory: InMemoryInventory) -> None:
    """The catalog and the notifier get SKUs; a variant that the host does not know is skipped."""
    bus, shop = InProcessBus(), Shop()
    async with (
        build(
            Settings(), adapter=memory, mapper=Skus(), bus=bus, catalog=shop, notifier=shop
        ) as inventory,
        EventPublisher(bus) as publisher,
    ):
        await publisher.publish(an_event(InventoryLowStock, STRANGER))
        await publisher.publish(an_event(InventoryLowStock, SCARF))
        await until(lambda: shop.statuses and shop.events)
        assert inventory.snapshot().events is not None

    assert [("SCARF-BLUE", StockStatus.LOW_STOCK)] == shop.statuses
    assert [("SCARF-BLUE", SCARF)] == [(e.host_id, e.variant_id) for e in shop.events]


async def test_the_worker_speaks_the_hosts_ids(memory: InMemoryInventory) -> None:
    """The queue keeps the host's id, and the worker marks the product under it."""
    queue, shop = InMemoryQueue(), Shop()
    memory.fail_with(TimedOut("down"))
    async with build(
        Settings(queue=QueueOptions(worker=False)), adapter=memory, mapper=Skus(), queue=queue
    ) as inventory:
        outcome = await inventory.request_inventory_initialization("HAT", policy=NOT_ORDERABLE)
    assert isinstance(outcome, Queued)
    assert [("HAT", HAT)] == [
        (entry.request.host_id, entry.request.variant_id) for entry in await queue.entries()
    ]

    memory.fail_with(None)
    async with build(Settings(), adapter=memory, mapper=Skus(), queue=queue, catalog=shop):
        await until(lambda: ("HAT", True) in shop.orderable)

    assert [("HAT", False), ("HAT", True)] == shop.orderable


@pytest.mark.parametrize("part", ["catalog", "notifier"])
def test_one_way_is_not_enough(part: str) -> None:
    """A function is refused where the host's catalog or notifier needs the way back."""
    given: Any = {part: Shop()}

    with pytest.raises(SettingsError, match=WAY_BACK.format(part)):
        build(Settings(adapter="memory"), mapper=to_variant, bus=InProcessBus(), **given)
    build(Settings(adapter="memory"), mapper=Skus(), bus=InProcessBus(), **given)


def test_one_way_is_not_enough_for_a_worker() -> None:
    """A function is refused with a catalog that a worker or NOT_ORDERABLE needs, too."""
    shop: Any = Shop()
    settings = Settings(adapter="memory", queue=QueueOptions(url="memory:"))

    with pytest.raises(SettingsError, match=WAY_BACK.format("catalog")):
        build(settings, mapper=to_variant, catalog=shop)


async def test_one_way_is_enough_without_the_way_back(memory: InMemoryInventory) -> None:
    """A function is accepted with a bus and a queue, if the host has no catalog and notifier."""
    queue = InMemoryQueue()
    async with build(
        Settings(), adapter=memory, mapper=to_variant, bus=InProcessBus(), queue=queue
    ) as inventory:
        entry = inventory.initialization_entry("HAT", policy=InitializationPolicy.RETRY_LATER)
        await queue.add(entry)
        inventory.wake_worker()

        async def there() -> bool:
            return isinstance(await inventory.get_stock_level("HAT", max_staleness=0), StockReading)

        await eventually(there)
    assert ("HAT", HAT) == (entry.request.host_id, entry.request.variant_id)


async def test_a_wrong_reference_is_the_callers_error(memory: InMemoryInventory) -> None:
    """What the mapper returns and is no id, or raises for a reference, reaches the caller."""

    def mapper(ref: str, /) -> str:
        if ref == "unknown":
            raise ValueError(f"{ref} is none of our products")
        return ref

    async with build(Settings(), adapter=memory, mapper=mapper) as inventory:
        with pytest.raises(ValueError, match="none of our products"):
            await inventory.get_stock_levels(["unknown"])
        with pytest.raises(ValueError, match="none of our products"):
            await inventory.get_stock_level("unknown")
        with pytest.raises(ValueError, match="'SKU-1' is not a variant id"):
            await inventory.get_stock_levels(["SKU-1"])


# settings.mapper


@pytest.fixture
def module() -> Iterator[ModuleType]:
    """A module of a host, with mappers of several kinds."""
    module: Any = ModuleType("shop_of_a_test")
    module.Skus, module.skus, module.to_variant, module.number = Skus, Skus(), to_variant, 7
    module.Bad = type("Bad", (), {"__init__": lambda self, needed: None})
    sys.modules[module.__name__] = module
    yield module
    del sys.modules[module.__name__]


@pytest.mark.parametrize("name", ["Skus", "skus", "to_variant", "skus.to_variant"])
async def test_a_mapper_of_the_settings(
    module: ModuleType, memory: InMemoryInventory, name: str
) -> None:
    """`settings.mapper` names a mapper, its class, or a function; commands find it by that."""
    settings = Settings(mapper=f"shop_of_a_test:{name}")
    async with build(settings, adapter=memory) as inventory:
        page: Any = await inventory.get_stock_levels(["SCARF-BLUE"])

    assert isinstance(page["SCARF-BLUE"], StockReading)


async def test_an_argument_wins_over_the_setting(
    module: ModuleType, memory: InMemoryInventory
) -> None:
    """A mapper that is passed to `build` is used instead of the one that the setting names."""
    settings = Settings(mapper="shop_of_a_test:skus")

    async with build(settings, adapter=memory, mapper=lambda _: SCARF) as inventory:
        assert isinstance(await inventory.get_stock_level("anything"), StockReading)


@pytest.mark.parametrize(
    "name", ["", "shop", "shop:", ":skus", "shop.:skus", "shop:a b", "shop/skus:x", "a:b:c"]
)
def test_a_setting_that_is_no_name(name: str) -> None:
    """A name that is not MODULE:NAME is refused by the settings, in one sentence."""
    with pytest.raises(ValueError, match="it must be MODULE:NAME, such as") as caught:
        Settings(mapper=name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("no_such_module:skus", "cannot be imported: No module named 'no_such_module'"),
        ("shop_of_a_test:nothing", "cannot be imported: .* has no attribute 'nothing'"),
        ("shop_of_a_test:number", "is a int: it must have to_variant and to_host, or be a func"),
        ("shop_of_a_test:Bad", "cannot be imported: .* missing 1 required positional argument"),
    ],
)
def test_a_setting_that_names_no_mapper(module: ModuleType, name: str, words: str) -> None:
    """A name that leads to no mapper is refused by `build`, in one sentence."""
    with pytest.raises(SettingsError, match=words) as caught:
        build(Settings(adapter="memory", mapper=name))
    assert "mapper" in str(caught.value)
    assert "\n" not in str(caught.value)
