"""The pytest plugin, used as a host's tests use it."""

import re
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from shelfport import (
    Created,
    InitializationPolicy,
    InMemoryInventory,
    ProductVariantId,
    Queued,
    Settings,
    StockStatus,
    Unavailable,
    UnavailableReason,
    build,
    health,
)
from shelfport.errors import PathFailed, ReachedService, TimedOut, Unauthorized
from shelfport.sync import SyncInventoryIntegration
from shelfport.testing import FakeInventory, InventoryServer
from tests.support.figures import Report
from tests.support.values import an_id


async def test_the_fake(inventory: FakeInventory) -> None:
    """The fake is open, and can be opened by an application; it answers, and opens records."""
    inventory.set_stock(an_id(1), 3)
    inventory.set_stock(an_id(2), 50, seconds_old=90)

    async with inventory:
        page = await inventory.get_stock_levels([an_id(1), an_id(2), an_id(3)])
    created = await inventory.request_inventory_initialization(an_id(3))

    assert ["Only 3 left", "Stock information unavailable"] == [
        str(page[an_id(1)]),
        str(page[an_id(3)]),
    ]
    assert str(page[an_id(2)]).startswith("In stock (as of ")
    assert isinstance(created, Created)
    assert health(inventory.snapshot()).ready


async def test_a_change_is_shown_at_once(inventory: FakeInventory) -> None:
    """The second page of a test shows a change of stock."""
    inventory.set_stock(an_id(1), 3)
    first = await inventory.get_stock_level(an_id(1))
    inventory.set_stock(an_id(1), 0)

    assert "Only 3 left" == str(first)
    assert "Out of stock" == str(await inventory.get_stock_level(an_id(1)))


async def test_fail_next(inventory: FakeInventory, fail_next: Callable[..., None]) -> None:
    """The next calls fail the given number of times, with the given error; later calls do not."""
    inventory.set_stock(an_id(1), 3)
    fail_next("hang", times=2)
    fail_next(Unauthorized("who are you?"))

    shown = [await inventory.get_stock_level(an_id(1)) for _ in range(4)]

    assert [
        UnavailableReason.TIMED_OUT,
        UnavailableReason.TIMED_OUT,
        UnavailableReason.UNAUTHORIZED,
        None,
    ] == [stock.reason if isinstance(stock, Unavailable) else None for stock in shown]


async def test_a_product_whose_record_cannot_be_opened(
    inventory: FakeInventory, fail_next: Callable[..., None]
) -> None:
    """Each policy works in a test as in production."""
    fail_next("hang", times=3)  # the write, the read after it, and the write of the other policy

    with pytest.raises(TimedOut):
        await inventory.request_inventory_initialization(an_id(1))
    outcome = await inventory.request_inventory_initialization(
        an_id(2), policy=InitializationPolicy.NOT_ORDERABLE
    )

    assert isinstance(outcome, Queued)


async def test_garbage(inventory: FakeInventory, fail_next: Callable[..., None]) -> None:
    """An answer that is no JSON is a fault of the way, which passes."""
    inventory.set_stock(an_id(1), 3)
    fail_next("garbage", times=2)

    shown = await inventory.get_stock_level(an_id(1))
    with pytest.raises(PathFailed, match="not JSON") as info:
        await inventory.request_inventory_initialization(an_id(2))

    assert Unavailable(UnavailableReason.UNREACHABLE) == shown
    assert (True, ReachedService.YES) == (info.value.retryable, info.value.reached_service)


def test_an_unknown_failure(fail_next: Callable[..., None]) -> None:
    """An unknown failure is refused."""
    with pytest.raises(ValueError, match="'downn': it must be one of down, refuse, hang, garbage"):
        fail_next("downn")


class Shown:
    """A host's catalog that records its calls."""

    def __init__(self) -> None:
        self.statuses: list[tuple[ProductVariantId, StockStatus]] = []

    async def mark_not_orderable(self, variant: ProductVariantId) -> None:
        raise AssertionError

    async def mark_orderable(self, variant: ProductVariantId) -> None:
        raise AssertionError

    async def show_status(
        self, variant: ProductVariantId, status: StockStatus, as_of: datetime
    ) -> None:
        self.statuses.append((variant, status))


@pytest.fixture
def inventory_catalog() -> Shown:
    return Shown()


async def test_emit_event(
    inventory: FakeInventory, emit_event: Any, inventory_catalog: Shown
) -> None:
    """An event reaches the host's catalog, and the page shows it."""
    inventory.set_stock(an_id(1), 50)
    await emit_event(StockStatus.LOW_STOCK, an_id(1))
    await emit_event(StockStatus.OUT_OF_STOCK, an_id(1))

    assert [StockStatus.LOW_STOCK, StockStatus.OUT_OF_STOCK] == [
        status for _, status in inventory_catalog.statuses
    ]
    assert "Out of stock" == str(await inventory.get_stock_level(an_id(1)))


def test_emit_event_without_a_loop(emit_event: Any, inventory_catalog: Shown) -> None:
    """In a synchronous test the event has been handled on return."""
    emit_event(StockStatus.IN_STOCK, an_id(1))

    assert [(an_id(1), StockStatus.IN_STOCK)] == inventory_catalog.statuses


def test_the_server(
    inventory_server: InventoryServer, inventory_settings: Settings, fail_next: Any
) -> None:
    """A synchronous test can use the server; a failure occurs once, and is not retried."""
    inventory_server.set_stock(an_id(1), 3)
    with SyncInventoryIntegration(build(inventory_settings)) as shop:
        fail_next("down")
        failed = shop.get_stock_level(an_id(1))
        shown = shop.get_stock_level(an_id(1))

    assert ["Stock information unavailable", "Only 3 left"] == [str(failed), str(shown)]
    assert [503, 200] == [entry.status for entry in inventory_server.journal]


async def test_the_server_beside_a_loop(
    inventory_server: InventoryServer, inventory_settings: Settings
) -> None:
    """An asynchronous test can use the server."""
    async with build(inventory_settings) as shop:
        await shop.request_inventory_initialization(an_id(1), initial_quantity=20)
        assert "In stock" == str(await shop.get_stock_level(an_id(1)))

    assert ["POST", "GET"] == [entry.method for entry in inventory_server.journal]


def test_it_costs_a_run_that_does_not_use_it_nothing(tmp_path: Path, report: Report) -> None:
    """A run without the fixtures imports neither shelfport nor its dependencies."""
    needed = "shelfport", "aiohttp", "dependency_injector", "msgspec", "anyio"
    (tmp_path / "test_other.py").write_text(
        "import sys\n\n\n"
        "def test_other():\n"
        "    assert 'pytest_shelfport' in sys.modules\n"
        f"    assert [] == [m for m in sys.modules if m.partition('.')[0] in {needed}]\n"
    )
    run = (sys.executable, "-m", "pytest", "-q", "-p", "no:anyio", "test_other.py")
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=False)
    timed = (sys.executable, "-X", "importtime", "-c", "import pytest, pytest_shelfport")
    times = subprocess.run(timed, cwd=tmp_path, capture_output=True, text=True, check=True).stderr

    assert "1 passed" in done.stdout, done.stdout
    [(alone, cumulative)] = re.findall(r"(\d+) \|\s+(\d+) \|\s+pytest_shelfport\n", times)
    assert alone == cumulative, "it imports what pytest has not imported already"
    report(f"imported in {alone} µs")


def test_the_fake_is_no_mock(inventory: FakeInventory) -> None:
    """The fake uses the real façade and the real in-memory adapter."""
    assert isinstance(inventory._service.memory, InMemoryInventory)
    assert "FakeService" in repr(inventory)
