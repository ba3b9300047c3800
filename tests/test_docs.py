"""The documents say what the code does."""

import re
from pathlib import Path

import msgspec
import pytest

from shelfport.contracts.pact.states import STATES

ROOT = Path(__file__).parents[1]
FOLDERS = ("domain", "ports", "adapters", "contracts", "src", "tests", "docs", "examples")
WORDS = set(
    re.findall(
        r"\w+",
        " ".join(
            path.read_text("utf-8")
            for folder in ("domain", "ports", "adapters", "contracts", "src")
            for path in (ROOT / folder).rglob("*.py")
        ),
    )
)
"""Every word of the package's code."""
HOW_TO = sorted(f"how-to/{path.stem}" for path in (ROOT / "docs" / "how-to").glob("*.md"))


def test_the_provider_states_are_documented() -> None:
    """docs/contracts.md has a row for each provider state, with its parameters."""
    rows = re.findall(
        r"^\| `([a-z ]+)` \| (.*?) ?\| .{10,} \|$",
        (ROOT / "docs" / "contracts.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )

    assert {
        name: [field.encode_name for field in msgspec.structs.fields(state)]
        for name, state in STATES.items()
    } == {name: re.findall(r"`(\w+)`", params) for name, params in rows}


def test_requirements_name_what_is_there() -> None:
    """docs/requirements.md names files that exist, and traces all of R1 to R31."""
    text = (ROOT / "docs" / "requirements.md").read_text("utf-8")

    assert [f"R{n}" for n in range(1, 32)] == re.findall(r"^\| (R\d+) \|", text, re.MULTILINE)
    assert [] == missing(text)


@pytest.mark.parametrize("page", ["architecture", "glossary", *HOW_TO])
def test_the_map_names_what_is_there(page: str) -> None:
    """The pages that say which file decides what, and how to add a thing, name files that exist."""
    assert [] == missing(text_of(page))


@pytest.mark.parametrize("page", ["architecture", "glossary", *HOW_TO])
def test_the_map_uses_the_codes_names(page: str) -> None:
    """A class, a function or a member that such a page names is in the package's code."""
    names = set(re.findall(r"`([A-Z]\w+(?:\.\w+)?|\w+)(?:\(\))?`", text_of(page)))
    words = {word for name in names for word in name.split(".") if not word.isdigit()}

    assert OF_EXAMPLES >= words - WORDS


OF_EXAMPLES = {
    *("PauseOptions", "ReadOnlyLayer", "RequestPaused", "CsvInventory", "MyBus", "csvstock"),
    *("BUSES", "COMMANDS", "EXAMPLES", "EXTRAS", "PRINTED", "REFUSED_TOGETHER", "STACKS"),
    *("_CLEANERS", "CHANGELOG", "SHELFPORT_REQUIRE_SERVICES", "singleflight"),
    *("init_resources", "reset_override", "shutdown_resources"),
}
"""Names of the pages' own examples, of tests and of tools."""


def text_of(page: str) -> str:
    return (ROOT / "docs" / f"{page}.md").read_text("utf-8")


def missing(text: str) -> list[str]:
    """The paths of the checkout in `text` that lead to no file and no folder."""
    paths = re.findall(rf"`((?:{'|'.join(FOLDERS)})/[\w./-]*)", text)
    return [path for path in paths if not (ROOT / path.rstrip(".")).exists()]
