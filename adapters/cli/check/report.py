"""What `check` prints: a JSON document, or an aligned list."""

from collections.abc import Sequence

import msgspec
from rich.text import Text

from shelfport.adapters.cli.check.model import CheckOutcome, CheckResult
from shelfport.adapters.cli.check.settings import DisplayedSetting, SettingOrigin
from shelfport.adapters.cli.output import SCHEMA, print_text
from shelfport.domain.model.text import one_line

_STYLES = {CheckOutcome.OK: "green", CheckOutcome.FAILED: "red", CheckOutcome.NOT_TRIED: "dim"}


class SettingEntry(msgspec.Struct, frozen=True, rename="camel"):
    """One setting. Every field is always present; null stands for what does not exist."""

    name: str
    """The setting, such as `cache.ttl`."""
    value: str | float | bool | None
    """Its value; a secret is masked."""
    origin: SettingOrigin
    """The kind of place that the value came from."""
    place: str | None
    """The file, the variable or the option; null for a default."""


class CheckEntry(msgspec.Struct, frozen=True, rename="camel"):
    """One check. Every field is always present; null stands for what does not exist."""

    name: str
    """The check."""
    outcome: CheckOutcome
    """How the check ended."""
    detail: str
    """What the check saw, what is wrong, or why it was not tried."""
    fix: str | None
    """What to do; null unless the check failed."""
    because: str | None
    """The failed check because of which this one was not tried."""
    milliseconds: float | None
    """How long the check took; null if it was not tried."""


class CheckDocument(msgspec.Struct, frozen=True, rename="camel"):
    """What `check --json` prints."""

    correlation_id: str
    """The id under which the requests were sent."""
    ok: bool
    """Whether no check failed."""
    settings: Sequence[SettingEntry]
    """Every setting."""
    checks: Sequence[CheckEntry]
    """Every check, in the order in which they were tried."""
    schema: int = SCHEMA
    """The version of this document."""


def check_document(
    displayed: Sequence[DisplayedSetting], results: Sequence[CheckResult], correlation_id: str
) -> CheckDocument:
    """The JSON document of all settings and results."""
    return CheckDocument(
        correlation_id,
        ok=not any(result.finding.outcome is CheckOutcome.FAILED for result in results),
        settings=[SettingEntry(s.name, s.value, s.origin, s.place) for s in displayed],
        checks=[
            CheckEntry(
                result.name,
                result.finding.outcome,
                result.finding.detail,
                result.finding.fix,
                result.because,
                result.milliseconds,
            )
            for result in results
        ],
    )


def print_settings(displayed: Sequence[DisplayedSetting]) -> None:
    """Print each setting, its value and its origin, in three columns."""
    rows = [(s.name, _value_text(s), _origin_text(s)) for s in displayed]
    first, second = (max(len(row[column]) for row in rows) for column in (0, 1))
    print_text(Text("Settings"))
    for (name, value, origin), setting in zip(rows, displayed, strict=True):
        style = "dim" if setting.origin is SettingOrigin.DEFAULT else ""
        print_text(Text(f"  {name:<{first}}  {value:<{second}}  {origin}", style))
    print_text(Text())


def print_result(result: CheckResult, *, width: int) -> None:
    """Print one check; `width` is the length of the longest name."""
    finding = result.finding
    outcome = finding.outcome.value.lower().replace("_", " ")
    line = Text(f"  {result.name:<{width}}  ")
    line.append(f"{outcome:<9}", _STYLES[finding.outcome])
    line.append(f"  {one_line(finding.detail)}")
    print_text(line)
    if finding.fix is not None:
        print_text(Text(f"  {'':<{width}}  {'':<9}  To do: {one_line(finding.fix)}"))


def _value_text(setting: DisplayedSetting) -> str:
    match setting.value:
        case None:
            return "-"
        case bool(value):
            return "true" if value else "false"
        case value:
            return one_line(str(value))


def _origin_text(setting: DisplayedSetting) -> str:
    kind = setting.origin.value.lower().replace("_", " ")
    return kind if setting.place is None else f"{kind}: {one_line(setting.place)}"
