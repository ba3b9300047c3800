"""How the suites of the smaller ports choose cases, and what they say of a harness."""

import pytest

from shelfport.contracts.conformance import (
    NotifierConformance,
    NotifierHarness,
    PortSuite,
)
from shelfport.contracts.conformance.port_suite import cases_in
from shelfport.ports import Notifier
from tests.contracts.conformance.planted_ports import Plan
from tests.contracts.conformance.port_faults import PLANS


class OnlySends(NotifierConformance):
    """Declares nothing."""


class Fails(OnlySends):
    fails = True


def test_what_is_not_declared_is_not_there() -> None:
    """Pytest collects the cases that the attributes call for, and no other."""
    assert {"test_a_failure_raises", "test_an_event_is_sent_after_a_failure"} == (
        cases_in(Fails) - cases_in(OnlySends)
    )
    assert OnlySends.test_a_failure_raises is None


def test_a_subclass_may_take_a_declaration_back() -> None:
    """A subclass chooses anew, by its own attributes."""

    class FailsNoMore(Fails):
        fails = False

    assert cases_in(OnlySends) == cases_in(FailsNoMore)


def test_a_case_of_ones_own_stays() -> None:
    """A subclass may mark a case, and it is not put back, in its own subclasses neither."""
    marked = pytest.mark.xfail(NotifierConformance.test_a_repeated_event_is_accepted)

    class Deviates(OnlySends):
        test_a_repeated_event_is_accepted = marked

    class DeviatesToo(Deviates):
        fails = True

    assert marked is DeviatesToo.test_a_repeated_event_is_accepted


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.suite.__name__)
def test_names_of_cases_are_sentences(plan: Plan) -> None:
    """Pytest collects every case of a suite: each is called test_…, and has a docstring."""
    assert cases_in(plan.suite)
    for name in cases_in(plan.suite):
        assert name.startswith("test_")
        assert getattr(plan.suite, name).__doc__


def test_the_fixture_is_the_authors() -> None:
    """Without a harness, the error names the class that must define the fixture."""
    fixture = PortSuite.harness.__wrapped__  # type: ignore[attr-defined]  # pytest's

    with pytest.raises(NotImplementedError, match="OnlySends must define the fixture `harness`"):
        fixture(OnlySends())


class Sparse(NotifierHarness):
    """Defines the abstract methods alone."""

    def notifier(self) -> Notifier:
        raise NotImplementedError

    def received(self) -> list[object]:
        return []


async def test_a_missing_method_of_a_harness_is_named() -> None:
    """The error names the missing method, and the attribute that needs it."""
    with pytest.raises(NotImplementedError, match=r"must define hang.* hangs = True"):
        await Sparse().hang()
    with pytest.raises(NotImplementedError, match=r"must define fail.* fails = True"):
        await Sparse().fail(True)
