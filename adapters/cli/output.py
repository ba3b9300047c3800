"""Printing to stdout: JSON documents, lines and tables."""

import sys

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

SCHEMA = 1
"""The version of the JSON documents: within it a field may be added, none is removed or changed."""

_WIDTH = 400
"""Columns of a table in any terminal: more than a row needs."""


def print_json(document: msgspec.Struct) -> None:
    """Print one JSON document."""
    print(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())


def print_line(line: str) -> None:
    """Print a line at once, also into a pipe, whose reader may wait for it."""
    print(line, flush=True)


def table(*columns: str, right: str) -> Table:
    """An empty table; the column `right` is aligned to the right."""
    rows = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        rows.add_column(column, justify="right" if column == right else "left")
    return rows


def print_text(line: Text) -> None:
    """Print a line without wrapping it, in colour if the output takes colours."""
    _print(line, soft_wrap=True)


def print_table(rows: Table) -> None:
    """Print a table without wrapping its rows: an id stays in one piece."""
    _print(rows)


def _print(content: Table | Text, *, soft_wrap: bool = False) -> None:
    console = Console(file=sys.stdout, width=_WIDTH, highlight=False, markup=False, emoji=False)
    with console.capture() as captured:
        console.print(content, soft_wrap=soft_wrap)
    for line in captured.get().splitlines():
        print(line.rstrip())
