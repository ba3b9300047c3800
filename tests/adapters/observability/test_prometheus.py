"""The table on a real registry, fed by a real integration before the sandbox."""

from collections.abc import Mapping

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from shelfport import InventoryError, Settings, build
from shelfport.adapters.observability.metrics import METRICS
from shelfport.contracts.sandbox import Faults, Sandbox
from shelfport.errors import CircuitOpen, Operation, TimedOut
from shelfport.prometheus import Prometheus
from shelfport.signals import CallRejected, RefreshFailed, RetryBudgetExhausted
from tests.support.ports import ScriptedPort
from tests.support.values import an_id

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scraped(registry: CollectorRegistry) -> Series:
    """Every sample of the registry's text, by name and labels that are not empty."""
    return {
        (sample.name, frozenset((k, v) for k, v in sample.labels.items() if v)): sample.value
        for family in text_string_to_metric_families(generate_latest(registry).decode())
        for sample in family.samples
    }


def value(series: Series, name: str, labels: Mapping[str, str], of: str = "inventory") -> float:
    return series[name, frozenset({**labels, "shelfport_integration": of}.items())]


async def test_an_hour_in_a_shop(sandbox: Sandbox, settings: Settings) -> None:
    """Every metric of the table is on the registry, with the right values."""
    registry = CollectorRegistry()
    async with build(settings, telemetry=[Prometheus(registry)]) as inventory:
        await inventory.get_stock_levels([an_id(1), an_id(2)])
        await inventory.get_stock_levels([an_id(1), an_id(2)])
        await inventory.request_inventory_initialization(an_id(9))
        sandbox.faults = Faults(mode="down")
        await inventory.get_stock_level(an_id(3))
        await inventory.get_stock_level(an_id(4))
        seen = scraped(registry)

    port = str(sandbox.url).rpartition(":")[2]
    http = {"server_address": "127.0.0.1", "server_port": port}
    get, post = {"http_request_method": "GET"}, {"http_request_method": "POST"}
    read, opened = {"shelfport_operation": "read"}, {"shelfport_operation": "initialize"}
    busy = {"error_type": "ServiceOverloaded", "shelfport_fault_scope": "service"}
    held = {**busy, "shelfport_fault_scope": "process"}
    duration, attempts = (
        "http_client_request_duration_seconds_count",
        ("shelfport_inventory_attempt_duration_seconds_count"),
    )
    for name, labels, expected in (
        (duration, {**http, **get, "http_response_status_code": "200"}, 1),
        (duration, {**http, **post, "http_response_status_code": "201"}, 1),
        (duration, {**http, **get, "http_response_status_code": "503", "error_type": "503"}, 2),
        (attempts, {**read, "shelfport_outcome": "answered"}, 1),
        (attempts, {**opened, "shelfport_outcome": "answered"}, 1),
        (attempts, {**read, **busy, "shelfport_outcome": "failed"}, 2),
        ("shelfport_inventory_retries_total", {**read, **busy}, 1),
        # After a `Retry-After`, nothing is sent for a while, and the circuit is not asked.
        ("shelfport_inventory_calls_rejected_total", {**read, **held}, 1),
        (
            "shelfport_inventory_circuit_breaker_state_changes_total",
            {"shelfport_circuit_breaker_state": "open"},
            1,
        ),
        (
            "shelfport_inventory_circuit_breaker_state",
            {"shelfport_circuit_breaker_state": "open"},
            1,
        ),
        (
            "shelfport_inventory_circuit_breaker_state",
            {"shelfport_circuit_breaker_state": "closed"},
            0,
        ),
        (
            "shelfport_inventory_circuit_breaker_state",
            {"shelfport_circuit_breaker_state": "half-open"},
            0,
        ),
        ("shelfport_inventory_retry_budget_tokens", {}, pytest.approx(3 - 1 + 3 * 0.1)),
        ("shelfport_inventory_served_total", {"shelfport_result": "miss"}, 2),
        ("shelfport_inventory_served_total", {"shelfport_result": "fresh"}, 2),
        ("shelfport_inventory_served_total", {"shelfport_result": "stale"}, 0),
        ("shelfport_inventory_served_total", {"shelfport_result": "unreadable"}, 2),
        ("shelfport_inventory_page_age_seconds_count", {}, 2),
        ("shelfport_inventory_cache_entries", {}, 2),
    ):
        assert expected == value(seen, name, labels), (name, labels)


def test_the_whole_table() -> None:
    """A registry knows every name of the table, and refuses another collector of that name."""
    registry = CollectorRegistry()
    Prometheus(registry)
    families = {family.name for family in registry.collect()}

    assert {m.prometheus_name.removesuffix("_total") for m in METRICS} == families
    with pytest.raises(ValueError, match="Duplicated timeseries"):
        registry.register(Prometheus(CollectorRegistry())._exporter)


def test_signals_that_are_rare() -> None:
    """The exhausted budget, an open circuit and refreshes that fail are counted."""
    registry = CollectorRegistry()
    prometheus = Prometheus(registry)

    prometheus.signal(RetryBudgetExhausted(Operation.READ, TimedOut("late"), "c"))
    prometheus.signal(CallRejected(Operation.READ, CircuitOpen("open"), "c"))
    prometheus.signal(RefreshFailed(2, TimedOut("late")))

    seen = scraped(registry)
    read = {"shelfport_operation": "read"}
    late = {"error_type": "TimedOut", "shelfport_fault_scope": "service"}
    circuit = {"error_type": "CircuitOpen", "shelfport_fault_scope": "process"}
    assert 1 == value(seen, "shelfport_inventory_retry_budget_exhausted_total", read)
    assert 1 == value(seen, "shelfport_inventory_calls_rejected_total", {**read, **circuit})
    assert 1 == value(seen, "shelfport_inventory_refresh_failures_total", late)


async def test_two_integrations() -> None:
    """Two integrations share one registry, each under its name; one that closes is gone."""
    registry = CollectorRegistry()
    fine, poor = ScriptedPort(), ScriptedPort()
    async with build(
        Settings(), adapter=fine, telemetry=[Prometheus(registry, integration="eu")]
    ) as eu:
        async with build(
            Settings(), adapter=poor, telemetry=[Prometheus(registry, integration="us")]
        ) as us:
            await eu.get_stock_level(an_id(1))
            await us.get_stock_levels([an_id(1), an_id(2), an_id(3)])
            both = scraped(registry)
        one = scraped(registry)

    kept = "shelfport_inventory_cache_entries"
    assert [1, 3] == [value(both, kept, {}, "eu"), value(both, kept, {}, "us")]
    assert 1 == value(one, kept, {}, "eu")
    assert (kept, frozenset({("shelfport_integration", "us")})) not in one


async def test_one_name_twice() -> None:
    """Two open integrations under one name are refused, as their figures would mix."""
    registry = CollectorRegistry()
    async with build(Settings(adapter="memory"), telemetry=[Prometheus(registry)]):
        with pytest.raises(ValueError, match="give each a name of its own"):
            async with build(Settings(adapter="memory"), telemetry=[Prometheus(registry)]):
                pass
    async with build(Settings(adapter="memory"), telemetry=[Prometheus(registry)]):
        pass


async def test_an_unreadable_service(settings: Settings, sandbox: Sandbox) -> None:
    """A request that got no answer has a class of error and no status."""
    registry = CollectorRegistry()
    async with build(settings, telemetry=[Prometheus(registry)]) as inventory:
        sandbox.faults = Faults(mode="refuse")
        with pytest.raises(InventoryError):
            await inventory.request_inventory_initialization(an_id(9))

    [(_, labels)] = [
        key for key in scraped(registry) if key[0] == "http_client_request_duration_seconds_count"
    ]
    assert "ConnectionFailed" == dict(labels)["error_type"]
    assert "http_response_status_code" not in dict(labels)
