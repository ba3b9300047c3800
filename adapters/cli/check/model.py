"""A check, what it finds, and how a table of checks is gone through."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from enum import Enum
from pathlib import Path

import attrs

from shelfport.adapters.composition.container import Container
from shelfport.adapters.config.loader import LoadedSettings
from shelfport.adapters.config.settings import Settings
from shelfport.domain.model import ProductVariantId


class CheckOutcome(Enum):
    """What became of a check."""

    OK = "OK"
    FAILED = "FAILED"
    NOT_TRIED = "NOT_TRIED"


@attrs.frozen
class Finding:
    """What a check has to say. Made by `ok`, `failed` and `not_tried`."""

    outcome: CheckOutcome
    detail: str
    fix: str | None = None


def ok(detail: str) -> Finding:
    """All is well, and `detail` is what was seen."""
    return Finding(CheckOutcome.OK, detail)


def failed(what: str, fix: str) -> Finding:
    """`what` is wrong, and `fix` is what to do."""
    return Finding(CheckOutcome.FAILED, what, fix)


def not_tried(reason: str) -> Finding:
    """There is nothing to check here, for a `reason` that is no failure."""
    return Finding(CheckOutcome.NOT_TRIED, reason)


@attrs.define(kw_only=True)
class Case:
    """What is checked: what the caller gave, then what earlier checks found for later ones."""

    files: tuple[Path, ...]
    base_url: str | None
    deadline: float | None
    variant: ProductVariantId
    correlation_id: str
    loaded: LoadedSettings | None = None
    """Found by the check `settings`."""
    container: Container | None = None
    """Found by the check `adapter`."""
    addresses: Sequence[str] = ()
    """Found by the check `dns`."""

    @property
    def settings(self) -> Settings:
        """The settings, for checks that need `settings`."""
        if self.loaded is None:
            raise RuntimeError("a check that uses the settings must need 'settings'")
        return self.loaded.settings

    @property
    def seconds(self) -> float:
        """How long a check may take."""
        return self.settings.deadline if self.deadline is None else self.deadline


@attrs.frozen
class Check:
    """One row of the table."""

    name: str
    needs: tuple[str, ...]
    """The names of earlier checks that must not have failed."""
    run: Callable[[Case], Awaitable[Finding]]


@attrs.frozen
class Result:
    """A check that was gone through."""

    name: str
    finding: Finding
    because: str | None = None
    """The failed check for which this one was not tried."""
    milliseconds: float | None = None
    """How long it took; None if it was not tried."""


async def examine(case: Case, checks: Sequence[Check]) -> AsyncIterator[Result]:
    """Go through `checks` in their order; each result comes as soon as it is there.

    A check that needs a failed one is not tried, nor is one that needs that; a check that was not
    tried because there was nothing to check stands in nobody's way.
    """
    culprits: dict[str, str] = {}
    for check in checks:
        culprit = next((culprits[name] for name in check.needs if name in culprits), None)
        if culprit is not None:
            culprits[check.name] = culprit
            finding = not_tried(f"{culprit} failed")
            yield Result(check.name, finding, because=culprit)
            continue
        began = time.perf_counter()
        finding = await check.run(case)
        took = (time.perf_counter() - began) * 1000
        if finding.outcome is CheckOutcome.FAILED:
            culprits[check.name] = check.name
        tried = finding.outcome is not CheckOutcome.NOT_TRIED
        yield Result(check.name, finding, milliseconds=round(took, 1) if tried else None)
