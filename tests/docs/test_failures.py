"""docs/failure.md is true: its names exist, and the code does what its main rows say."""

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
NOT_A_FAILURE = {
    "inventory.call",
    "inventory.plain_http",
    "inventory.plain_redis",
    "inventory.suppressed",
}
"""Events of no failure of their own; `inventory.call` is in the table too."""


class Row(NamedTuple):
    """The failure, the caller's view, the records and the metrics."""

    what: str
    sees: str
    records: str
    metrics: str

    @property
    def events(self) -> list[tuple[str, set[str]]]:
        """Each named event, with the levels behind it."""
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
    """The row with this beginning."""
    [found] = [row for row in ROWS if row.what.startswith(start)]
    return found


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.what))
def test_records_and_metrics_exist(row: Row) -> None:
    """Every event is in docs/logs.md with these levels, and every metric exists."""
    for event, levels in row.events:
        assert levels, event
        assert levels <= RECORDS[event][1], event
    assert set(re.findall(r"`([\w.]+)`", row.metrics)) <= set(SHORT)


def test_every_failure_that_is_logged_is_in_the_table() -> None:
    """Each event with a level of WARNING or ERROR is in a row."""
    loud = {event for event, (_, levels, _) in RECORDS.items() if levels & {"WARNING", "ERROR"}}

    assert set() == loud - NOT_A_FAILURE - {event for row in ROWS for event, _ in row.events} - {
        "inventory.notification_lost"  # it has no row: no caller and no metric is affected
    }


def test_every_reason_is_in_the_table() -> None:
    """Each reason of an unavailable stock is in a row."""
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
"""No reading is fresh, so that each call makes a request; three failures open the circuit."""


class Shop(NamedTuple):
    """An integration, and its service, which a test can break."""

    inventory: InventoryIntegration[Any]
    service: InMemoryInventory
    chaos: ChaosLayer


async def fails_with(shop: Shop, kind: type[Exception]) -> object:
    """No reading is cached, and the service fails with `kind`."""
    shop.service.fail_with(kind("as the test says"))  # type: ignore[arg-type]  # an InventoryError
    return await shop.inventory.get_stock_level(SHOE)


def failing(kind: type[Exception]) -> Callable[[Shop], Awaitable[object]]:
    """A scenario with one kind of failure."""
    return lambda shop: fails_with(shop, kind)


async def mended_by_a_retry(shop: Shop) -> object:
    """The first attempt fails, the second does not."""
    shop.service.set_stock(SHOE, 3)
    shop.chaos.error_rate = 0.2  # seed 7 draws 0.32 for the first attempt, then 0.15 and 0.65
    answer: object = None
    for _ in range(2):
        answer = await shop.inventory.get_stock_level(SHOE, max_staleness=0)
    return answer


async def cached_and_slow(shop: Shop) -> object:
    """A reading is cached, and the service is slow."""
    shop.service.set_stock(SHOE, 3)
    await shop.inventory.get_stock_level(SHOE)
    shop.chaos.latency = 0.3
    return await shop.inventory.get_stock_level(SHOE)


async def cached_and_down(shop: Shop) -> object:
    """A reading is cached, and the service is down."""
    shop.service.set_stock(SHOE, 3)
    await shop.inventory.get_stock_level(SHOE)
    shop.service.fail_with(ConnectionFailed("gone"))
    return await shop.inventory.get_stock_level(SHOE)


async def hangs(shop: Shop) -> object:
    """No reading is cached, and the service does not answer."""
    shop.chaos.hang = True
    return await shop.inventory.get_stock_level(SHOE, deadline=0.05)


async def circuit_opens(shop: Shop) -> object:
    """The service fails often enough."""
    shop.service.fail_with(ServiceFailed("down"))
    answer: object = None
    for _ in range(4):
        answer = await shop.inventory.get_stock_level(SHOE)
    return answer


async def unknown(shop: Shop) -> object:
    """The service has no record of the variant."""
    return await shop.inventory.get_stock_level(SHOE)


async def queued(shop: Shop) -> object:
    """A record cannot be opened now."""
    shop.service.fail_with(ConnectionFailed("gone"))
    return await shop.inventory.request_inventory_initialization(
        SHOE, policy=InitializationPolicy.RETRY_LATER
    )


async def already_there(shop: Shop) -> object:
    """The record exists."""
    shop.service.set_stock(SHOE, 3)
    return await shop.inventory.request_inventory_initialization(SHOE)


async def rejected_permanently(shop: Shop) -> object:
    """The service rejects the request permanently."""
    shop.service.fail_with(RequestRejected("never"))
    return await shop.inventory.request_inventory_initialization(
        SHOE, policy=InitializationPolicy.RETRY_LATER
    )


SCENARIOS: Mapping[str, Callable[[Shop], Awaitable[object]]] = {
    "One attempt fails": mended_by_a_retry,
    "The service is slow, and a reading": cached_and_slow,
    "The service is slow, and no reading": hangs,
    "The service is down, and a reading": cached_and_down,
    "The service is down, and no reading": failing(ConnectionFailed),
    "It fails so often": circuit_opens,
    "429 or 503": failing(ServiceOverloaded),
    "The service has no record": unknown,
    "The whole answer": failing(ContractViolation),
    "The credentials are refused": failing(Unauthorized),
    "The address is wrong": failing(RequestRejected),
    "The certificate": failing(InsecureConnection),
    "The record exists already": already_there,
    "It cannot be opened, under `RETRY_LATER`": queued,
    "The service rejects this request": rejected_permanently,
}
"""The scenarios, by the beginning of their rows."""


@pytest.mark.parametrize("start", SCENARIOS)
async def test_a_row_is_true(start: str, caplog: pytest.LogCaptureFixture) -> None:
    """The caller's view, the records with their levels, and the metrics are those of the row."""
    caplog.set_level(logging.DEBUG, "shelfport")
    registry = CollectorRegistry()
    service = InMemoryInventory(clock=SystemClock())
    chaos = ChaosLayer(service, random.Random(7).uniform)
    async with build(AT_ONCE, adapter=chaos, telemetry=[Prometheus(registry)]) as inventory:
        before = figures(registry)
        seen = await SCENARIOS[start](Shop(inventory, service, chaos))
        after = figures(registry)

    assert_seen(seen, row(start).sees)
    written = {(vars(record).get("event"), record.levelname) for record in caplog.records}
    for event, levels in row(start).events:
        # A worker writes the other levels of the row later.
        assert any((event, level) in written for level in levels), (event, written)
    for name in re.findall(r"`([\w.]+)`", row(start).metrics):
        if SHORT[name].name.startswith("shelfport.inventory.queue"):
            continue  # as the worker saw it last, and there is no worker here
        series = SHORT[name].prometheus_name.removesuffix("_total")
        moved = {k: v for k, v in after.items() if k.startswith(series) and before.get(k, 0) != v}
        assert moved, name


def figures(registry: CollectorRegistry) -> dict[str, float]:
    """What a scrape gets, except the times at which series were made."""
    return {
        f"{sample.name}{sorted(sample.labels.items())}": sample.value
        for metric in registry.collect()
        for sample in metric.samples
        if not sample.name.endswith("_created")
    }


def assert_seen(seen: object, sees: str) -> None:
    """The row names what the caller got."""
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
    """An adapter of another package, with a bug."""

    async def read(self, _ids: object, _call: Call) -> Mapping[ProductVariantId, Any]:
        """Raises an error that the port does not allow."""
        raise KeyError("sku")

    async def initialize(self, _request: object, _call: Call) -> Any:
        """Raises an error that the port does not allow."""
        raise AdapterFault("never asked here")


async def test_a_bug_of_an_adapter(caplog: pytest.LogCaptureFixture) -> None:
    """A bug in an adapter of another package is `ADAPTER_FAULT`, with the ERROR of the row."""
    async with build(AT_ONCE, adapter=Faulty()) as inventory:
        seen = await inventory.get_stock_level(SHOE)

    assert_seen(seen, row("An adapter of another package").sees)
    assert ("inventory.adapter_fault", "ERROR") in {
        (vars(record).get("event"), record.levelname) for record in caplog.records
    }
