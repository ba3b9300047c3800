"""The pytest plugin, used as a host's tests use it."""

import ast
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import pytest_shelfport
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


async def test_the_fake(shelfport_inventory: FakeInventory) -> None:
    """The fake is open, and can be opened by an application; it answers, and opens records."""
    shelfport_inventory.set_stock(an_id(1), 3)
    shelfport_inventory.set_stock(an_id(2), 50, seconds_old=90)

    async with shelfport_inventory:
        page = await shelfport_inventory.get_stock_levels([an_id(1), an_id(2), an_id(3)])
    created = await shelfport_inventory.request_inventory_initialization(an_id(3))

    assert ["Only 3 left", "Stock information unavailable"] == [
        str(page[an_id(1)]),
        str(page[an_id(3)]),
    ]
    assert str(page[an_id(2)]).startswith("In stock (as of ")
    assert isinstance(created, Created)
    assert health(shelfport_inventory.snapshot()).ready


async def test_a_change_is_shown_at_once(shelfport_inventory: FakeInventory) -> None:
    """The second page of a test shows a change of stock."""
    shelfport_inventory.set_stock(an_id(1), 3)
    first = await shelfport_inventory.get_stock_level(an_id(1))
    shelfport_inventory.set_stock(an_id(1), 0)

    assert "Only 3 left" == str(first)
    assert "Out of stock" == str(await shelfport_inventory.get_stock_level(an_id(1)))


async def test_fail_next(
    shelfport_inventory: FakeInventory, shelfport_fail_next: Callable[..., None]
) -> None:
    """The next calls fail the given number of times, with the given error; later calls do not."""
    shelfport_inventory.set_stock(an_id(1), 3)
    shelfport_fail_next("hang", times=2)
    shelfport_fail_next(Unauthorized("who are you?"))

    shown = [await shelfport_inventory.get_stock_level(an_id(1)) for _ in range(4)]

    assert [
        UnavailableReason.TIMED_OUT,
        UnavailableReason.TIMED_OUT,
        UnavailableReason.UNAUTHORIZED,
        None,
    ] == [stock.reason if isinstance(stock, Unavailable) else None for stock in shown]


async def test_a_product_whose_record_cannot_be_opened(
    shelfport_inventory: FakeInventory, shelfport_fail_next: Callable[..., None]
) -> None:
    """Each policy works in a test as in production."""
    shelfport_fail_next(
        "hang", times=3
    )  # the write, the read after it, and the write of the other policy

    with pytest.raises(TimedOut):
        await shelfport_inventory.request_inventory_initialization(an_id(1))
    outcome = await shelfport_inventory.request_inventory_initialization(
        an_id(2), policy=InitializationPolicy.NOT_ORDERABLE
    )

    assert isinstance(outcome, Queued)


async def test_garbage(
    shelfport_inventory: FakeInventory, shelfport_fail_next: Callable[..., None]
) -> None:
    """An answer that is no JSON is a fault of the way, which passes."""
    shelfport_inventory.set_stock(an_id(1), 3)
    shelfport_fail_next("garbage", times=2)

    shown = await shelfport_inventory.get_stock_level(an_id(1))
    with pytest.raises(PathFailed, match="not JSON") as info:
        await shelfport_inventory.request_inventory_initialization(an_id(2))

    assert Unavailable(UnavailableReason.UNREACHABLE) == shown
    assert (True, ReachedService.YES) == (info.value.retryable, info.value.reached_service)


def test_an_unknown_failure(shelfport_fail_next: Callable[..., None]) -> None:
    """An unknown failure is refused."""
    with pytest.raises(ValueError, match="'downn': it must be one of down, refuse, hang, garbage"):
        shelfport_fail_next("downn")


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
def shelfport_catalog() -> Shown:
    return Shown()


async def test_emit_event(
    shelfport_inventory: FakeInventory, shelfport_emit_event: Any, shelfport_catalog: Shown
) -> None:
    """An event reaches the host's catalog, and the page shows it."""
    shelfport_inventory.set_stock(an_id(1), 50)
    await shelfport_emit_event(StockStatus.LOW_STOCK, an_id(1))
    await shelfport_emit_event(StockStatus.OUT_OF_STOCK, an_id(1))

    assert [StockStatus.LOW_STOCK, StockStatus.OUT_OF_STOCK] == [
        status for _, status in shelfport_catalog.statuses
    ]
    assert "Out of stock" == str(await shelfport_inventory.get_stock_level(an_id(1)))


def test_emit_event_without_a_loop(shelfport_emit_event: Any, shelfport_catalog: Shown) -> None:
    """In a synchronous test the event has been handled on return."""
    shelfport_emit_event(StockStatus.IN_STOCK, an_id(1))

    assert [(an_id(1), StockStatus.IN_STOCK)] == shelfport_catalog.statuses


def test_the_server(
    shelfport_server: InventoryServer, shelfport_settings: Settings, shelfport_fail_next: Any
) -> None:
    """A synchronous test can use the server; a failure occurs once, and is not retried."""
    shelfport_server.set_stock(an_id(1), 3)
    with SyncInventoryIntegration(build(shelfport_settings)) as shop:
        shelfport_fail_next("down")
        failed = shop.get_stock_level(an_id(1))
        shown = shop.get_stock_level(an_id(1))

    assert ["Stock information unavailable", "Only 3 left"] == [str(failed), str(shown)]
    assert [503, 200] == [entry.status for entry in shelfport_server.journal]


async def test_the_server_beside_a_loop(
    shelfport_server: InventoryServer, shelfport_settings: Settings
) -> None:
    """An asynchronous test can use the server."""
    async with build(shelfport_settings) as shop:
        await shop.request_inventory_initialization(an_id(1), initial_quantity=20)
        assert "In stock" == str(await shop.get_stock_level(an_id(1)))

    assert ["POST", "GET"] == [entry.method for entry in shelfport_server.journal]


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


def test_every_fixture_has_the_projects_name() -> None:
    """A fixture of the plugin cannot hide one of a project, or of another plugin."""
    module = ast.parse(Path(pytest_shelfport.__file__).read_text("utf-8"))
    names = [
        each.name
        for each in module.body
        if isinstance(each, ast.FunctionDef)
        and any("pytest.fixture" in ast.unparse(decorator) for decorator in each.decorator_list)
    ]

    assert "shelfport_inventory" in names
    assert [] == [name for name in names if not name.startswith("shelfport_")]


def test_the_fake_is_no_mock(shelfport_inventory: FakeInventory) -> None:
    """The fake uses the real façade and the real in-memory adapter."""
    assert isinstance(shelfport_inventory._service.memory, InMemoryInventory)
    assert "FakeService" in repr(shelfport_inventory)
