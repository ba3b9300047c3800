"""The rows of docs/failure.md."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from shelfport.errors import FaultScope
from tests.support.pages import ROOT

TEXT = (ROOT / "docs" / "failure.md").read_text("utf-8")
SCOPES = {scope.value for scope in FaultScope}
WITHOUT_SCOPES = {"Events", "In the host"}
"""Sections about what is no request to the service."""


class Row(NamedTuple):
    """The failure, whose fault it is, the caller's view, the records and the metrics."""

    section: str
    what: str
    whose: str
    sees: str
    records: str
    metrics: str

    @property
    def events(self) -> list[tuple[str, set[str]]]:
        """Each named event, with the levels behind it."""
        return [
            (event, set(re.findall(r"\b(?:DEBUG|INFO|WARNING|ERROR)\b", behind)))
            for event, behind in re.findall(r"`(inventory\.\w+)`([^`]*)", self.records)
        ]

    @property
    def scopes(self) -> set[str]:
        """The scopes whose fault it is; none for "–"."""
        return SCOPES if self.whose == "any" else set(re.findall(r"`(\w+)`", self.whose))


def rows() -> Iterator[Row]:
    """The rows of the tables whose first column is "What happens"."""
    section, columns = "", 0
    for line in TEXT.splitlines():
        if line.startswith("## "):
            section, columns = line[3:], 0
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if cells and cells[0] == "What happens":
            columns = len(cells)
        elif columns and cells and set(cells[0]) != {"-"}:
            what, *whose, sees, records, metrics = cells
            assert len(cells) == columns, what
            yield Row(section, what, "".join(whose), sees, records, metrics)


ROWS = list(rows())


def row(start: str) -> Row:
    """The row with this beginning."""
    [found] = [row for row in ROWS if row.what.startswith(start)]
    return found
