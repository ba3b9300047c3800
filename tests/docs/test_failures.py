"""docs/failure.md says what the code does: its names exist, and its main rows are acted out."""

import logging
import random
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

import pytest
from prometheus_client import CollectorRegistry

from shelfport import (
    Freshness,
    InitializationPolicy,
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
from shelfport.adapters.observability.metrics import METRICS
from shelfport.errors import (
    AdapterFault,
    ConnectionFailed,
    ContractViolation,
    InsecureConnection,
    RequestRejected,
    ServiceFailed,
    ServiceOverloaded,
    Unauthorized,
)
from shelfport.layers import ChaosLayer
from shelfport.options import (
    BreakerOptions,
    CacheOptions,
    LimitOptions,
    QueueOptions,
    RetryOptions,
)
from shelfport.ports import Call
from shelfport.prometheus import Prometheus
from tests.support.pages import ROOT
from tests.support.values import an_id
from tests.test_log_catalogue import ROWS as RECORDS

TEXT = (ROOT / "docs" / "failure.md").read_text("utf-8")
SHORT = {metric.name.removeprefix("shelfport.inventory."): metric for metric in METRICS}
QUIET = {"inventory.call", "inventory.plain_http", "inventory.plain_redis", "inventory.suppressed"}
"""Events that tell of no failure of their own; `inventory.call` is in the table all the same."""


class Row(NamedTuple):
    """What happens, what the caller sees, which records come, which metrics move."""

    what: str
    sees: str
    records: str
    metrics: str

    @property
    def events(self) -> list[tuple[str, set[str]]]:
        """Each event that is named, with the levels behind it."""
        return [
            (event, set(re.findall(r"\b(?:DEBUG|INFO|WARNING|ERROR)\b", behind)))
            for event, behind in re.findall(r"`(inventory\.\w+)`([^`]*)", self.records)
        ]


ROWS = [
    Row(*(cell.strip() for cell in cells))
    for cells in re.findall(r"^\| (.+?) \| (.+?) \| (.*?) ?\| (.*?) ?\|$", TEXT, re.MULTILINE)
    if not set(cells[0]) <= set("-") and cells[0] != "What happens"
]


def row(start: str) -> Row:
    """The row that begins so."""
    [found] = [row for row in ROWS if row.what.startswith(start)]
    return found


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.what))
def test_records_and_metrics_exist(row: Row) -> None:
    """Every event is in the catalogue of records at such a level; every metric is one."""
    for event, levels in row.events:
        assert levels, event
        assert levels <= RECORDS[event][1], event
    assert set(re.findall(r"`([\w.]+)`", row.metrics)) <= set(SHORT)


def test_every_failure_that_is_logged_is_in_the_table() -> None:
    """Each event that may be a WARNING or an ERROR has a row."""
    loud = {event for event, (_, levels, _) in RECORDS.items() if levels & {"WARNING", "ERROR"}}

    assert set() == loud - QUIET - {event for row in ROWS for event, _ in row.events} - {
        "inventory.notification_lost"  # nobody was there to be told: in logs.md alone
    }


def test_every_reason_is_in_the_table() -> None:
    """Each reason that a page may have stands in a row."""
    assert set() == {reason.value for reason in UnavailableReason} - set(
        re.findall(r"`([A-Z_]+)`", TEXT)
    )


SHOE = an_id(1)
AT_ONCE = Settings(
    deadline=1.0,
    cache=CacheOptions(ttl=0, stale_while_revalidate=0, soft_timeout=0.02, refresh_backoff=0),
    retry=RetryOptions(max_attempts=2, base_delay=0, max_delay=0),
    breaker=BreakerOptions(minimum_calls=3, open_duration=60),
    queue=QueueOptions(url="memory:", worker=False),
    limit=LimitOptions(max_concurrency=1, max_queue=1),
)
"""Nothing is fresh, so that each call asks; three failures open the circuit."""


class Shop(NamedTuple):
    """An integration, and the service behind it, to be broken."""

    inventory: InventoryIntegration[Any]
    service: InMemoryInventory
    chaos: ChaosLayer


async def fails_with(shop: Shop, kind: type[Exception]) -> object:
    """Nothing is kept, and the service fails so."""
    shop.service.fail_with(kind("as the test says"))  # type: ignore[arg-type]  # an InventoryError
    return await shop.inventory.get_stock_level(SHOE)


def failing(kind: type[Exception]) -> Callable[[Shop], Awaitable[object]]:
    """A story of one kind of failure."""
    return lambda shop: fails_with(shop, kind)


async def mended_by_a_repetition(shop: Shop) -> object:
    """The first attempt fails, the second does not."""
    shop.service.set_stock(SHOE, 3)
    shop.chaos.error_rate = 0.2  # seed 7 draws 0.32 for the first attempt, then 0.15 and 0.65
    answer: object = None
    for _ in range(2):
        answer = await shop.inventory.get_stock_level(SHOE, max_staleness=0)
    return answer


async def kept_and_slow(shop: Shop) -> object:
    """Something is kept, and the service is slow."""
    shop.service.set_stock(SHOE, 3)
    await shop.inventory.get_stock_level(SHOE)
    shop.chaos.latency = 0.3
    return await shop.inventory.get_stock_level(SHOE)


async def kept_and_down(shop: Shop) -> object:
    """Something is kept, and the service is down."""
    shop.service.set_stock(SHOE, 3)
    await shop.inventory.get_stock_level(SHOE)
    shop.service.fail_with(ConnectionFailed("gone"))
    return await shop.inventory.get_stock_level(SHOE)


async def hangs(shop: Shop) -> object:
    """Nothing is kept, and no answer comes."""
    shop.chaos.hang = True
    return await shop.inventory.get_stock_level(SHOE, deadline=0.05)


async def circuit_opens(shop: Shop) -> object:
    """It failed often enough."""
    shop.service.fail_with(ServiceFailed("down"))
    answer: object = None
    for _ in range(4):
        answer = await shop.inventory.get_stock_level(SHOE)
    return answer


async def unknown(shop: Shop) -> object:
    """The service has no record of it."""
    return await shop.inventory.get_stock_level(SHOE)


async def queued(shop: Shop) -> object:
    """A record cannot be opened now."""
    shop.service.fail_with(ConnectionFailed("gone"))
    return await shop.inventory.request_inventory_initialization(
        SHOE, policy=InitializationPolicy.RETRY_LATER
    )


async def already_there(shop: Shop) -> object:
    """A record is there."""
    shop.service.set_stock(SHOE, 3)
    return await shop.inventory.request_inventory_initialization(SHOE)


async def refused_for_good(shop: Shop) -> object:
    """The service refuses this request."""
    shop.service.fail_with(RequestRejected("never"))
    return await shop.inventory.request_inventory_initialization(
        SHOE, policy=InitializationPolicy.RETRY_LATER
    )


STORIES: Mapping[str, Callable[[Shop], Awaitable[object]]] = {
    "One attempt fails": mended_by_a_repetition,
    "The service is slow, and something": kept_and_slow,
    "The service is slow, and nothing": hangs,
    "The service is down, and something": kept_and_down,
    "The service is down, and nothing": failing(ConnectionFailed),
    "It failed often enough": circuit_opens,
    "429 or 503": failing(ServiceOverloaded),
    "The service has no record": unknown,
    "The whole answer": failing(ContractViolation),
    "The credentials are refused": failing(Unauthorized),
    "The address is wrong": failing(RequestRejected),
    "The certificate": failing(InsecureConnection),
    "The record is there already": already_there,
    "It cannot be opened, under `RETRY_LATER`": queued,
    "The service refuses this request": refused_for_good,
}
"""What is acted out, by how its row begins."""


@pytest.mark.parametrize("start", STORIES)
async def test_a_row_is_acted_out(start: str, caplog: pytest.LogCaptureFixture) -> None:
    """The caller sees what the row says; its records come at their levels, its metrics move."""
    caplog.set_level(logging.DEBUG, "shelfport")
    registry = CollectorRegistry()
    service = InMemoryInventory(clock=SystemClock())
    chaos = ChaosLayer(service, random.Random(7).uniform)
    async with build(AT_ONCE, adapter=chaos, telemetry=[Prometheus(registry)]) as inventory:
        before = figures(registry)
        seen = await STORIES[start](Shop(inventory, service, chaos))
        after = figures(registry)

    assert_seen(seen, row(start).sees)
    told = {(vars(record).get("event"), record.levelname) for record in caplog.records}
    for event, levels in row(start).events:
        # A later level of the same row comes when a worker is at it.
        assert any((event, level) in told for level in levels), (event, told)
    for name in re.findall(r"`([\w.]+)`", row(start).metrics):
        if SHORT[name].name.startswith("shelfport.inventory.queue"):
            continue  # as this process's worker saw it last, and here is none
        series = SHORT[name].prometheus_name.removesuffix("_total")
        moved = {k: v for k, v in after.items() if k.startswith(series) and before.get(k, 0) != v}
        assert moved, name


def figures(registry: CollectorRegistry) -> dict[str, float]:
    """What would be scraped, but for when each series was made."""
    return {
        f"{sample.name}{sorted(sample.labels.items())}": sample.value
        for metric in registry.collect()
        for sample in metric.samples
        if not sample.name.endswith("_created")
    }


def assert_seen(seen: object, sees: str) -> None:
    """What the caller got is named in the row."""
    match seen:
        case Unavailable(reason):
            assert f"`{reason.value}`" in sees
        case StockReading(freshness=Freshness.LIVE):
            assert "the answer" in sees
        case StockReading(freshness=freshness):
            assert f"`{freshness.value}`" in sees
        case outcome:
            assert f"`{type(outcome).__name__}`" in sees


class Faulty:
    """Another package's adapter, with a bug."""

    async def read(self, _ids: object, _call: Call) -> Mapping[ProductVariantId, Any]:
        """Raises what it must not."""
        raise KeyError("sku")

    async def initialize(self, _request: object, _call: Call) -> Any:
        """Raises what it must not."""
        raise AdapterFault("never asked here")


async def test_a_bug_of_an_adapter(caplog: pytest.LogCaptureFixture) -> None:
    """A bug of another package's adapter is `ADAPTER_FAULT`, and the row's ERROR."""
    async with build(AT_ONCE, adapter=Faulty()) as inventory:
        seen = await inventory.get_stock_level(SHOE)

    assert_seen(seen, row("An adapter of another package").sees)
    assert ("inventory.adapter_fault", "ERROR") in {
        (vars(record).get("event"), record.levelname) for record in caplog.records
    }
