"""What the generator prints: rows that a forge shows as a table, and values that are true."""

import re
from pathlib import Path

import attrs
import pytest

from docs.generate.docstrings import table
from docs.generate.pages import API, DOCS
from docs.generate.settings import groups, shown
from shelfport import Settings
from tests.support.pages import name_of

GENERATED = [
    DOCS / "settings.md",
    DOCS / "errors.md",
    DOCS / "command.md",
    *sorted(API.glob("*.md")),
]


def cells_of(line: str) -> list[str]:
    """The cells of a table's row."""
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def tables_of(page: Path) -> list[list[str]]:
    """The lines of each table of the page."""
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    return [found.splitlines() for found in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)]


SETTINGS = {
    f"{group}.{field.name}" if group else field.name: getattr(cls(), field.name)
    for group, cls in groups()
    for field in attrs.fields(attrs.resolve_types(cls))
    if not (field.type is not None and attrs.has(field.type))
}
"""Every setting and its default."""
ROWS = [
    cells_of(line)
    for lines in tables_of(DOCS / "settings.md")
    if lines[0].startswith("| setting |")
    for line in lines[2:]
]


@pytest.mark.parametrize("page", GENERATED, ids=name_of)
def test_every_row_is_a_row(page: Path) -> None:
    """Each row has as many cells as its table's head, with balanced backticks and no repr."""
    for head, *rows in tables_of(page):
        for row in rows:
            assert len(cells_of(head)) == len(cells_of(row)), row
            for cell in cells_of(row):
                assert cell.count("`") % 2 == 0, row
                assert not re.search(r"Attribute\(|<class|<function| object at 0x", cell), row


def test_settings_have_four_cells() -> None:
    """A row of docs/settings.md: the name, the default, what is allowed, what it means."""
    assert SETTINGS.keys() == {name.strip("`") for name, *_ in ROWS}
    assert {4} == {len(row) for row in ROWS}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row[0].strip("`")))
def test_a_setting_says_what_it_is(row: list[str]) -> None:
    """The default is the real one, and there is something in the cells beside it."""
    name, default, allowed, meaning = row

    assert shown(SETTINGS[name.strip("`")]) == default
    assert re.fullmatch(r"\S.{3,}", allowed)
    assert re.fullmatch(r"\S.{10,}[.*]", meaning)
    assert "Why:" not in meaning


@pytest.mark.parametrize(
    ("name", "default", "allowed"),
    [
        ("deadline", "`2.0`", "0.001 to 300 seconds"),
        ("allow_plain_http", "`false`", "true or false"),
        ("token", "", "text, kept as a secret"),
        ("initialization.policy", "`ROLL_BACK`", "one of ROLL_BACK, RETRY_LATER, NOT_ORDERABLE"),
        ("shared_cache.ca_file", "", "text"),
        ("shared_cache.prefix", "`shelfport`", "1 to 64 letters, digits, dots, dashes or"),
        ("events.prefix", '`""`', "empty, or 1 to 100 letters"),
        ("events.url", "", "text that begins with one of amqp://, amqps://"),
        ("notifications.low_stock_webhook", "", "text that begins with https://"),
        ("cache.max_entries", "`100000`", "1 variants or more"),
        ("http.max_response_bytes", "`1048576`", "65,536 to 1,073,741,824 bytes"),
    ],
)
def test_rows_of_each_kind(name: str, default: str, allowed: str) -> None:
    """A number, a switch, a secret, a choice, a file, a name, an empty text, addresses."""
    [row] = [row for row in ROWS if row[0] == f"`{name}`"]

    assert default == row[1]
    assert row[2].startswith(allowed)


def test_a_default_that_is_a_secret_is_not_shown() -> None:
    """No setting has a secret for a default, so that no page shows one."""
    assert all(row[1] == "" for row in ROWS if "kept as a secret" in row[2])
    assert "s3cret" not in str(Settings())


def test_a_pipe_is_no_border() -> None:
    """Text with a pipe in it stays in its cell."""
    assert ["| a | b |", "|---|---|", "| `int \\| None` | |", ""] == table(
        "a", "b", rows=[["`int | None`", ""]]
    )


def test_a_table_without_rows_is_none() -> None:
    """No head stands alone."""
    assert [] == table("a", "b", rows=[])
