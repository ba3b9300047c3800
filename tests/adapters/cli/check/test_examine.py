import pytest

from shelfport.adapters.cli.check.model import (
    Case,
    Check,
    CheckOutcome,
    Finding,
    Result,
    examine,
    failed,
    not_tried,
    ok,
)
from shelfport.adapters.cli.check.table import CHECKS
from tests.support.values import an_id


def a_case() -> Case:
    return Case(files=(), base_url=None, deadline=None, variant=an_id(), correlation_id="c-1")


def finding(name: str, found: Finding, *needs: str) -> Check:
    async def run(case: Case) -> Finding:
        return found

    return Check(name, needs, run)


async def examined(*checks: Check) -> list[Result]:
    return [result async for result in examine(a_case(), checks)]


async def test_what_needs_a_failed_check_is_not_tried() -> None:
    """A failure stops what needs it, also by way of another, and is named; others go on."""
    results = await examined(
        finding("one", failed("broken", "mend it")),
        finding("two", ok("fine"), "one"),
        finding("three", ok("fine"), "two"),
        finding("four", ok("fine")),
    )

    assert [
        ("one", CheckOutcome.FAILED, "broken", None),
        ("two", CheckOutcome.NOT_TRIED, "one failed", "one"),
        ("three", CheckOutcome.NOT_TRIED, "one failed", "one"),
        ("four", CheckOutcome.OK, "fine", None),
    ] == [(r.name, r.finding.outcome, r.finding.detail, r.because) for r in results]


async def test_nothing_to_check_stands_in_nobody_s_way() -> None:
    """A check that found nothing to check does not keep those that need it from being tried."""
    first, second = await examined(
        finding("one", not_tried("no address")), finding("two", ok("fine"), "one")
    )

    assert (CheckOutcome.NOT_TRIED, None, None) == (
        first.finding.outcome,
        first.milliseconds,
        first.because,
    )
    assert CheckOutcome.OK is second.finding.outcome
    assert second.milliseconds is not None


def test_the_table_is_in_order() -> None:
    """Every check of the table has its own name, and needs only checks that stand before it."""
    seen: list[str] = []
    for check in CHECKS:
        assert set() == set(check.needs) - set(seen)
        seen.append(check.name)

    assert len(seen) == len(set(seen))


def test_a_check_that_forgot_what_it_needs() -> None:
    """Settings that no check has found yet are a programmer's mistake, told as one."""
    with pytest.raises(RuntimeError, match="must need 'settings'"):
        a_case().settings  # noqa: B018 - looking at it raises
