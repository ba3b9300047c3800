import pytest

from shelfport.adapters.cli.check import CHECKS
from shelfport.adapters.cli.check.model import (
    Check,
    CheckContext,
    CheckOutcome,
    CheckResult,
    Finding,
    examine,
    failed,
    not_tried,
    ok,
)


def a_context() -> CheckContext:
    return CheckContext(
        files=(), base_url=None, deadline=None, variant_text=None, correlation_id="c-1"
    )


def finding(name: str, found: Finding, *needs: str) -> Check:
    async def run(context: CheckContext) -> Finding:
        return found

    return Check(name, needs, run)


async def examined(*checks: Check) -> list[CheckResult]:
    return [result async for result in examine(a_context(), checks)]


async def test_what_needs_a_failed_check_is_not_tried() -> None:
    """Checks that need a failed one, also indirectly, are not tried; the others run."""
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


async def test_nothing_to_check_is_no_failure() -> None:
    """A check that found nothing to check does not stop the checks that need it."""
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


def test_checks_are_in_order() -> None:
    """Every check has its own name, and needs only checks before it."""
    seen: list[str] = []
    for check in CHECKS:
        assert set() == set(check.needs) - set(seen)
        seen.append(check.name)

    assert len(seen) == len(set(seen))


def test_settings_that_are_not_loaded_yet() -> None:
    """A check that uses the settings without needing them raises RuntimeError."""
    with pytest.raises(RuntimeError, match="must need 'settings'"):
        a_context().settings  # noqa: B018 - reading it raises
