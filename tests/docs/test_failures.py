"""docs/failure.md is true: its names exist, and the code does what its main rows say."""

import logging
import random
import re
from collections.abc import Mapping
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from shelfport import (
    Freshness,
    InMemoryInventory,
    InventoryError,
    ProductVariantId,
    StockReading,
    Unavailable,
    UnavailableReason,
    build,
)
from shelfport.adapters.layers.cooldown import LONGEST_PAUSE, PROBE_INTERVAL
from shelfport.adapters.layers.isolation import CHECK_INTERVAL, MOST_REQUESTS
from shelfport.adapters.observability.metrics import METRICS
from shelfport.adapters.ops.faults import fault_of
from shelfport.domain.model import LONGEST_WAIT
from shelfport.errors import AdapterFault
from shelfport.layers import ChaosLayer
from shelfport.ports import Call
from shelfport.prometheus import Prometheus
from shelfport.signals import Signal
from tests.docs.failure_page import ROWS, SCOPES, TEXT, WITHOUT_SCOPES, Row, row
from tests.docs.failure_scenarios import AT_ONCE, SCENARIOS, SHOE, Scenario, Shop, Way
from tests.support.clocks import LoopClock
from tests.support.listening import Heard
from tests.test_log_catalogue import ROWS as RECORDS

SHORT = {metric.name.removeprefix("shelfport.inventory."): metric for metric in METRICS}
NOT_A_FAILURE = {
    "inventory.call",
    "inventory.plain_http",
    "inventory.plain_redis",
    "inventory.suppressed",
    "inventory.unknown_variables",
    "inventory.worker_without_catalog",
}
"""Events of no failure of their own; `inventory.call` is in the table too."""


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


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.what))
def test_whose_fault_it_is(row: Row) -> None:
    """A row about requests has scopes, "any" or a dash in its second column; others have none."""
    assert (row.whose == "") == (row.section in WITHOUT_SCOPES)
    assert row.scopes <= SCOPES
    assert row.scopes or row.whose in {"", "–"}


def test_every_scope_is_in_the_tables() -> None:
    """Each scope is whose fault a row of reading is, and in the table that says whom to call."""
    to_call = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| ", TEXT, re.MULTILINE)

    assert {x for row in ROWS if row.section == "Reading stock" for x in row.scopes} == SCOPES
    assert set(re.findall(r"\w+", " ".join(to_call))) == SCOPES


@pytest.mark.parametrize(
    ("start", "words"),
    [
        ("429 or 503", f"at most {LONGEST_PAUSE:.0f} seconds"),
        ("One variant costs", f"at most {MOST_REQUESTS} requests a minute"),
        ("One variant costs", f"every {CHECK_INTERVAL:.0f} seconds"),
        ("The credentials are refused", f"One read is sent every {PROBE_INTERVAL:.0f} s,"),
        ("A queued entry meets", f"within {LONGEST_WAIT / 60:.0f} minutes"),
    ],
)
def test_numbers_that_are_no_settings(start: str, words: str) -> None:
    """The row has the number that the code has."""
    assert words in row(start).sees


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("start", "scenario"),
    SCENARIOS,
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
async def test_a_row_is_true(
    start: str,
    scenario: Scenario,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whose fault it is, the caller's view, the records and the metrics are those of the row."""
    caplog.set_level(logging.DEBUG, "shelfport")
    monkeypatch.setattr(random, "choice", lambda ids: ids[0])
    registry, heard, clock = CollectorRegistry(), Heard(), LoopClock()
    service = InMemoryInventory(clock=clock)
    way = Way(service)
    chaos = ChaosLayer(way, random.Random(7).uniform)
    async with build(
        AT_ONCE, adapter=chaos, telemetry=[Prometheus(registry)], listener=heard, clock=clock
    ) as inventory:
        before = figures(registry)
        seen = await scenario(Shop(inventory, service, way, chaos, heard))
        after, signals = figures(registry), list(heard.signals)
        records = list(caplog.records)

    assert_seen(seen, row(start).sees)
    assert_whose(signals, row(start))
    written = {(vars(record).get("event"), record.levelname) for record in records}
    for event, levels in row(start).events:
        # A worker writes the other levels of the row later.
        assert any((event, level) in written for level in levels), (event, written)
    for name in re.findall(r"`([\w.]+)`", row(start).metrics):
        if SHORT[name].name.startswith("shelfport.inventory.queue"):
            continue  # as the worker saw it last, and there is no worker here
        series = SHORT[name].prometheus_name.removesuffix("_total")
        moved = {k: v for k, v in after.items() if k.startswith(series) and before.get(k, 0) != v}
        assert moved, name


def assert_whose(signals: list[Signal], row: Row) -> None:
    """What the ops page counts is the fault of those whom the row names."""
    counted = {scope.value for scope in map(fault_of, signals) if scope is not None}
    assert counted <= row.scopes, counted
    if {"inventory.call", "inventory.rejected"} & {event for event, _ in row.events}:
        assert counted or not row.scopes


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
            assert "the answer" in sees or "`LIVE`" in sees
        case StockReading(freshness=freshness):
            assert f"`{freshness.value}`" in sees
        case InventoryError():
            assert "`InventoryError`" in sees
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
