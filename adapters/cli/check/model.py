"""A check, what it finds, and the run of a list of checks in their order."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from enum import Enum
from pathlib import Path

import attrs

from shelfport.adapters.cli.ids import NamedVariant
from shelfport.adapters.composition.container import Container
from shelfport.adapters.config.loader import LoadedSettings
from shelfport.adapters.config.settings import Settings
from shelfport.domain.model import ProductVariantId

_SAMPLE = ProductVariantId("5be1f00d-0000-4000-8000-000000000000")
SAMPLE_VARIANT = NamedVariant(_SAMPLE, _SAMPLE)
"""A variant that no service knows, for a read without --variant: an id in every format."""


class CheckOutcome(Enum):
    """How a check ended."""

    OK = "OK"
    FAILED = "FAILED"
    NOT_TRIED = "NOT_TRIED"


@attrs.frozen
class Finding:
    """The result of one check. Made by `ok`, `failed` and `not_tried`."""

    outcome: CheckOutcome
    detail: str
    fix: str | None = None


def ok(detail: str) -> Finding:
    """The check passed; `detail` says what it saw."""
    return Finding(CheckOutcome.OK, detail)


def failed(problem: str, fix: str) -> Finding:
    """The check failed: `problem` says what is wrong, `fix` what to do."""
    return Finding(CheckOutcome.FAILED, problem, fix)


def not_tried(reason: str) -> Finding:
    """There is nothing to check; `reason` says why. This is not a failure."""
    return Finding(CheckOutcome.NOT_TRIED, reason)


@attrs.define(kw_only=True)
class CheckContext:
    """The command's arguments, then what earlier checks found for later ones."""

    files: tuple[Path, ...]
    base_url: str | None
    deadline: float | None
    variant_text: str | None
    """What --variant names; None without it."""
    correlation_id: str
    variant: NamedVariant = SAMPLE_VARIANT
    """The variant to read. Set by the check `settings`, as they say what the text means."""
    loaded: LoadedSettings | None = None
    """Set by the check `settings`."""
    container: Container | None = None
    """Set by the check `adapter`."""
    addresses: Sequence[str] = ()
    """Set by the check `dns`."""

    @property
    def settings(self) -> Settings:
        """The settings, for checks that need `settings`."""
        if self.loaded is None:
            raise RuntimeError("a check that uses the settings must need 'settings'")
        return self.loaded.settings

    @property
    def timeout(self) -> float:
        """Seconds that a check may take."""
        return self.settings.deadline if self.deadline is None else self.deadline


@attrs.frozen
class Check:
    """A named check and the earlier checks that it needs."""

    name: str
    needs: tuple[str, ...]
    """The names of earlier checks that must not have failed."""
    run: Callable[[CheckContext], Awaitable[Finding]]


@attrs.frozen
class CheckResult:
    """The finding of one check in a run."""

    name: str
    finding: Finding
    because: str | None = None
    """The failed check because of which this one was not tried."""
    milliseconds: float | None = None
    """How long the check took; None if it was not tried."""


async def examine(context: CheckContext, checks: Sequence[Check]) -> AsyncIterator[CheckResult]:
    """Run `checks` in their order, and yield each result as soon as it is there.

    A check that needs a failed one is not tried, directly or through another check. A check that
    found nothing to check does not stop those that need it.
    """
    blocked_by: dict[str, str] = {}
    for check in checks:
        cause = next((blocked_by[name] for name in check.needs if name in blocked_by), None)
        if cause is not None:
            blocked_by[check.name] = cause
            yield CheckResult(check.name, not_tried(f"{cause} failed"), because=cause)
            continue
        started = time.perf_counter()
        finding = await check.run(context)
        took = (time.perf_counter() - started) * 1000
        if finding.outcome is CheckOutcome.FAILED:
            blocked_by[check.name] = check.name
        tried = finding.outcome is not CheckOutcome.NOT_TRIED
        yield CheckResult(check.name, finding, milliseconds=round(took, 1) if tried else None)
