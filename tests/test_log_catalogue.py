"""docs/logs.md lists every record that the package writes, with its logger, level and fields."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
LEVELS = {"debug", "info", "warning", "error", "exception", "log"}
LOUDNESS = {"debug": "DEBUG", "info": "INFO", "warning": "WARNING", "error": "ERROR"}


class Record(NamedTuple):
    """One call of a logger's method."""

    where: str
    event: str | None
    logger: str
    level: str | None
    """None where the code decides while it runs."""
    fields: frozenset[str]


def records_of(path: Path) -> Iterator[Record]:
    """Every record that a module writes."""
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
            ) if method in LEVELS:
                extra = {k.arg: k.value for k in keywords}.get("extra")
                event, fields = event_of(extra)
                level = LOUDNESS.get("error" if method == "exception" else method)
                where = f"{path.relative_to(ROOT)}:{node.lineno}"
                yield Record(where, event, named["logger"], level, fields)


def event_of(extra: ast.expr | None) -> tuple[str | None, frozenset[str]]:
    """Name and fields of an `extra={"event": "name", …}`; None if it is not written so."""
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


RECORDS = [
    record for path in sorted((ROOT / "adapters").rglob("*.py")) for record in records_of(path)
]
ROWS = {
    event: (logger, set(levels.split(", ")), frozenset(re.findall(r"`(\w+)`", fields)))
    for event, logger, levels, fields in re.findall(
        r"^\| `([\w.]+)` \| `([\w.]+)` \| ([A-Z, ]+) \| (.*?) \| .{10,} \|$",
        (ROOT / "docs" / "logs.md").read_text("utf-8"),
        re.MULTILINE,
    )
}


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: str(record.where))
def test_every_record_is_in_the_catalogue(record: Record) -> None:
    """A record has an event of its own name, with the logger, level and fields of its row."""
    assert record.event is not None, f"{record.where}: give it extra={{'event': …}}"
    logger, levels, fields = ROWS[record.event]
    assert logger == record.logger
    assert record.fields <= fields
    assert record.level is None or record.level in levels


def test_every_row_is_a_record() -> None:
    """The catalogue lists nothing that nobody writes: no event, and no field of one."""
    written: dict[str | None, frozenset[str]] = {}
    for record in RECORDS:
        written[record.event] = written.get(record.event, frozenset()) | record.fields

    assert {event: fields for event, (_, _, fields) in ROWS.items()} == written
