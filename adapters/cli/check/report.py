"""What `check` prints: a document for machines, an aligned list for people."""

from collections.abc import Sequence

import msgspec
from rich.text import Text

from shelfport.adapters.cli.check.model import CheckOutcome, Result
from shelfport.adapters.cli.check.setting_list import Listed, Origin
from shelfport.adapters.cli.output import SCHEMA, print_text
from shelfport.domain.model.text import one_line

_STYLES = {CheckOutcome.OK: "green", CheckOutcome.FAILED: "red", CheckOutcome.NOT_TRIED: "dim"}


class SettingEntry(msgspec.Struct, frozen=True, rename="camel"):
    """One setting. Every field is always there; what there is not is null."""

    name: str
    value: str | float | bool | None
    origin: Origin
    place: str | None


class CheckEntry(msgspec.Struct, frozen=True, rename="camel"):
    """One check. Every field is always there; what there is not is null."""

    name: str
    outcome: CheckOutcome
    detail: str
    fix: str | None
    because: str | None
    milliseconds: float | None


class CheckDocument(msgspec.Struct, frozen=True, rename="camel"):
    """What `check --json` prints."""

    correlation_id: str
    ok: bool
    settings: Sequence[SettingEntry]
    checks: Sequence[CheckEntry]
    schema: int = SCHEMA


def check_document(
    listed: Sequence[Listed], results: Sequence[Result], correlation_id: str
) -> CheckDocument:
    """The document of a finished run."""
    return CheckDocument(
        correlation_id,
        ok=not any(result.finding.outcome is CheckOutcome.FAILED for result in results),
        settings=[SettingEntry(s.name, s.value, s.origin, s.place) for s in listed],
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


def print_settings(listed: Sequence[Listed]) -> None:
    """Print each setting, its value and its place, in three columns."""
    rows = [(s.name, _value(s), _place(s)) for s in listed]
    first, second = (max(len(row[column]) for row in rows) for column in (0, 1))
    print_text(Text("Settings"))
    for (name, value, place), setting in zip(rows, listed, strict=True):
        style = "dim" if setting.origin is Origin.DEFAULT else ""
        print_text(Text(f"  {name:<{first}}  {value:<{second}}  {place}", style))
    print_text(Text())


def print_result(result: Result, *, width: int) -> None:
    """Print one check; `width` is that of the longest name."""
    finding = result.finding
    outcome = finding.outcome.value.lower().replace("_", " ")
    line = Text(f"  {result.name:<{width}}  ")
    line.append(f"{outcome:<9}", _STYLES[finding.outcome])
    line.append(f"  {one_line(finding.detail)}")
    print_text(line)
    if finding.fix is not None:
        print_text(Text(f"  {'':<{width}}  {'':<9}  To do: {one_line(finding.fix)}"))


def _value(setting: Listed) -> str:
    match setting.value:
        case None:
            return "-"
        case bool(value):
            return "true" if value else "false"
        case value:
            return one_line(str(value))


def _place(setting: Listed) -> str:
    kind = setting.origin.value.lower().replace("_", " ")
    return kind if setting.place is None else f"{kind}: {one_line(setting.place)}"
