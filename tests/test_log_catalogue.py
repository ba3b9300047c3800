"""docs/logs.md lists every record that the package writes, with its logger, levels and fields."""

import ast
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, get_args

import pytest

from shelfport.adapters.observability.signal_table import SIGNAL_TABLE, row_of
from shelfport.signals import Signal
from tests.adapters.observability.examples import EXAMPLES

ROOT = Path(__file__).parents[1]
METHODS = {"debug", "info", "warning", "error", "exception", "log"}
LEVELS = {"debug": "DEBUG", "info": "INFO", "warning": "WARNING", "error": "ERROR"}


class Record(NamedTuple):
    """A record of the package: one call of a logger's method, or an example of a signal."""

    where: str
    event: str | None
    logger: str
    level: str | None
    """None if the code decides at run time."""
    fields: frozenset[str]


def records_of(path: Path) -> Iterator[Record]:
    """Every record that a module writes by a call of a logger's method."""
    tree = ast.parse(path.read_text("utf-8"))
    named = {
        target.id: ast.literal_eval(node.value.args[0])
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.value).startswith("logging.getLogger(")
        for target in node.targets
        if isinstance(target, ast.Name) and isinstance(node.value, ast.Call)
    }
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="logger"), attr=method), keywords=keywords
            ) if method in METHODS:
                extra = {k.arg: k.value for k in keywords}.get("extra")
                event, fields = event_of(extra)
                level = LEVELS.get("error" if method == "exception" else method)
                where = f"{path.relative_to(ROOT)}:{node.lineno}"
                yield Record(where, event, named["logger"], level, fields)


def event_of(extra: ast.expr | None) -> tuple[str | None, frozenset[str]]:
    """Name and fields of a literal `extra={"event": "name", …}`; None for any other expression."""
    if not isinstance(extra, ast.Dict):
        return None, frozenset()
    given = {
        key.value: value
        for key, value in zip(extra.keys, extra.values, strict=True)
        if isinstance(key, ast.Constant)
    }
    match given.pop("event", None):
        case ast.Constant(value=str(name)):
            return name, frozenset(map(str, given))
        case _:
            return None, frozenset()


def records_of_signals() -> Iterator[Record]:
    """The record of each example of a signal, as the table of signals renders it."""
    for signal in EXAMPLES:
        row = row_of(signal)
        if row.event is not None:
            level = logging.getLevelName(row.level_of(signal))
            where = f"{type(signal).__name__} {level}"
            yield Record(where, row.event, row.logger.name, level, frozenset(row.fields(signal)))


CALLS = [
    record for path in sorted((ROOT / "adapters").rglob("*.py")) for record in records_of(path)
]
OF_SIGNALS = list(records_of_signals())
RECORDS = CALLS + OF_SIGNALS
ROWS = {
    event: (logger, set(levels.split(", ")), frozenset(re.findall(r"`(\w+)`", fields)))
    for event, logger, levels, fields in re.findall(
        r"^\| `([\w.]+)` \| `([\w.]+)` \| ([A-Z, ]+) \| (.*?) \| .{10,} \|$",
        (ROOT / "docs" / "logs.md").read_text("utf-8"),
        re.MULTILINE,
    )
}


def test_every_signal_has_a_row_and_an_example() -> None:
    """The table of signals and the examples have the types of the union, and no others."""
    union = set(get_args(Signal))

    assert union == set(SIGNAL_TABLE)
    assert union == {type(signal) for signal in EXAMPLES}


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: str(record.where))
def test_every_record_is_in_the_catalogue(record: Record) -> None:
    """A record has an event of its own name, with the logger, level and fields of its row."""
    assert record.event is not None, f"{record.where}: give it extra={{'event': …}}"
    logger, levels, fields = ROWS[record.event]
    assert logger == record.logger
    assert record.fields <= fields
    assert record.level is None or record.level in levels


def test_every_row_is_a_record() -> None:
    """Each event of the catalog, and each of its fields, is in a record."""
    written: dict[str | None, frozenset[str]] = {}
    for record in RECORDS:
        written[record.event] = written.get(record.event, frozenset()) | record.fields

    assert {event: fields for event, (_, _, fields) in ROWS.items()} == written


@pytest.mark.parametrize("event", sorted({str(record.event) for record in OF_SIGNALS}))
def test_levels_of_signals(event: str) -> None:
    """The record of a signal has each level that its row names."""
    levels = {record.level for record in OF_SIGNALS if record.event == event}

    assert ROWS[event][1] == levels
