"""Every planted fault of a queue, catalog, notifier, bus, store or telemetry is found."""

import pytest

from shelfport.contracts.conformance import running
from shelfport.contracts.conformance.port_suite import cases_in
from tests.contracts.conformance.planted_ports import Plan
from tests.contracts.conformance.port_faults import PLANS

FAULTS = [
    pytest.param(plan, fault, case, id=f"{plan.suite.__name__}-{fault.__name__}")
    for plan in PLANS
    for fault, case in plan.faults.items()
]
FOREIGN = {
    "RefusesToMarkTheUnknown",
    "RefusesARepetition",
    "RefusesARepetitionEverywhere",
    "TakesTextOnly",
    "OpensOnce",
    "RefusesSomeErrors",
    "CannotBeChecked",
    "KnowsNotEverySignal",
    "KnowsNoCancellation",
    "RefusesAFreshPage",
    "NeedsTheEventLoop",
    "BelongsToItsFirstLoop",
}
"""Faults whose own exception goes through the case; a case finds the others by an assertion."""


@pytest.mark.parametrize(("plan", "fault", "case"), FAULTS)
def test_a_planted_fault_is_found(
    plan: Plan, fault: type, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The case that is called after the broken obligation fails."""
    monkeypatch.setattr(running, "CASE_TIMEOUT", 1.0)  # some faults never end

    with pytest.raises(Exception if fault.__name__ in FOREIGN else AssertionError):
        plan.run(fault, case)


@pytest.mark.parametrize(
    ("plan", "case"),
    [
        pytest.param(plan, case, id=f"{plan.suite.__name__}-{case}")
        for plan in PLANS
        for case in sorted(cases_in(plan.suite))
    ],
)
def test_nothing_planted_nothing_found(plan: Plan, case: str) -> None:
    """The same implementation without a fault passes every case, so the faults are to blame."""
    plan.run(plan.honest, case)


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.suite.__name__)
def test_every_case_finds_a_fault(plan: Plan) -> None:
    """For each case of a suite there is a planted fault that it finds."""
    assert cases_in(plan.suite) == set(plan.faults.values())
