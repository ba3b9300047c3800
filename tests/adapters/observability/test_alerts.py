"""The rules of docs/alerts.yml tell the service's faults from ours: they are evaluated here.

Only the rules over attempts and rejected calls are: `sum by (…) (rate(…)) > x`, or a share of two.
"""

import re
from pathlib import Path

import attrs
import pytest
import yaml
from prometheus_client import CollectorRegistry

from shelfport.errors import (
    AdapterFault,
    CircuitOpen,
    ConnectionFailed,
    ContractViolation,
    CredentialsUnavailable,
    DeadlineExceeded,
    FaultScope,
    InventoryError,
    Operation,
    OverloadedHere,
    PathFailed,
    RequestBlocked,
    RequestRejected,
    ServiceFailed,
    TimedOut,
    Unauthorized,
)
from shelfport.ports import Call
from shelfport.prometheus import Prometheus
from shelfport.signals import Attempted, AttemptOutcome, CallRejected, Signal

ALERTS = Path(__file__).parents[3] / "docs" / "alerts.yml"
SECONDS = 300.0
_RATE = r"sum by \(shelfport_integration\) \(rate\((\w+)(?:\{(.*?)\})?\[5m\]\)\)"
RULE = re.compile(rf"{_RATE}(?: / {_RATE})? > (\S+)")
RULES: dict[str, re.Match[str]] = {
    rule["alert"]: found
    for group in yaml.safe_load(ALERTS.read_text("utf-8"))["groups"]
    for rule in group["rules"]
    if re.search("attempt_duration|calls_rejected", rule["expr"])
    and (found := RULE.fullmatch(rule["expr"]))
}
"""Metric and selector of the first term, of the second one, and the threshold, by alert."""

READ, CALL = Operation.READ, Call()
ANSWERED = Attempted(READ, 2, CALL, AttemptOutcome.ANSWERED, 0.1)


def rate(registry: CollectorRegistry, metric: str, selector: str | None) -> float:
    """How much the selected series grow in a second, if all of their value is of five minutes."""
    wanted = re.findall(r'(\w+)(=~|=)"(.*?)"', selector or "")
    return sum(
        sample.value / SECONDS
        for family in registry.collect()
        for sample in family.samples
        if sample.name == metric
        and all(re.fullmatch(text, sample.labels[label]) for label, _, text in wanted)
    )


def firing(*signals: Signal) -> set[str]:
    """The alerts that hold when these signals came within five minutes."""
    registry = CollectorRegistry()
    telemetry = Prometheus(registry)
    for signal in signals:
        telemetry.signal(signal)
    found: set[str] = set()
    for alert, rule in RULES.items():
        metric, selector, of_all, of_selected, threshold = rule.groups()
        value = rate(registry, metric, selector)
        if of_all is not None:
            value /= rate(registry, of_all, of_selected) or 1.0
        if value > float(threshold):
            found.add(alert)
    return found


def failed(error: InventoryError) -> Attempted:
    return attrs.evolve(ANSWERED, outcome=AttemptOutcome.FAILED, error=error)


ODD = attrs.evolve(
    ANSWERED,
    outcome=AttemptOutcome.PARTIAL,
    error=ContractViolation("odd", scope=FaultScope.ELEMENT),
    unreadable=1,
)


def test_the_rules_that_are_evaluated() -> None:
    """Each rule over attempts or rejected calls can be evaluated here."""
    text = ALERTS.read_text("utf-8")
    named = re.findall(r"attempt_duration_seconds_count\{|calls_rejected_total\{", text)

    assert len(named) == len(RULES)
    assert {"OverloadedHere"} < RULES.keys()


@pytest.mark.parametrize(
    ("signal", "alerts"),
    [
        (failed(ServiceFailed("500")), {"ServiceFails"}),
        (failed(TimedOut("late")), {"ServiceFails"}),
        (failed(ContractViolation("no list")), {"ServiceFails"}),
        (failed(PathFailed("302 of a router")), {"PathFails"}),
        (failed(ConnectionFailed("cut short", scope=FaultScope.PATH)), {"PathFails"}),
        (failed(Unauthorized("401")), {"CredentialsFail"}),
        (failed(CredentialsUnavailable("no token")), {"CredentialsFail"}),
        (failed(RequestRejected("422 of the service")), {"RequestsFail"}),
        (failed(RequestBlocked("403 of a firewall")), {"RequestsFail"}),
        (ODD, {"RequestsFail"}),
        (failed(AdapterFault("a bug")), {"ProcessFails"}),
        (failed(TimedOut("a dead connection", scope=FaultScope.PROCESS)), {"ProcessFails"}),
        (CallRejected(READ, OverloadedHere("1000 calls wait"), "c"), {"OverloadedHere"}),
        (CallRejected(READ, CircuitOpen("open"), "c"), set[str]()),
        (failed(DeadlineExceeded("too little time")), set[str]()),
        (ANSWERED, set[str]()),
    ],
    ids=lambda value: None if isinstance(value, set) else type(value).__name__,
)
def test_a_failure_fires_the_alert_of_its_scope(signal: Signal, alerts: set[str]) -> None:
    """What half of the attempts meet fires the alert that names whose fault it is, and no other."""
    assert alerts == firing(signal, ANSWERED)


@pytest.mark.parametrize(
    "error",
    [
        ServiceFailed("500"),
        PathFailed("302 of a router"),
        TimedOut("dead", scope=FaultScope.PROCESS),
    ],
    ids=lambda error: error.scope.value,
)
def test_a_failure_now_and_then_calls_no_operator(error: InventoryError) -> None:
    """What a retry mends, one attempt of twenty, fires nothing."""
    assert set() == firing(failed(error), *[ANSWERED] * 19)


def test_every_scope_but_the_caller_s_has_an_alert() -> None:
    """An operator hears of each scope, except of callers who leave: nothing of ours is wrong."""
    text = ALERTS.read_text("utf-8")
    named = set(re.findall(r"\w+", " ".join(re.findall(r'fault_scope=~?"(.*?)"', text))))

    assert {scope.value for scope in FaultScope} - {"caller"} == named
