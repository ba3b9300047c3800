"""The documents say what the code does."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import msgspec

from shelfport import Settings
from shelfport.contracts.pact.states import STATES

ROOT = Path(__file__).parents[1]


def leaves(group: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for field in attrs.fields(type(group)):
        value = getattr(group, field.name)
        if attrs.has(type(value)):
            yield from leaves(value, f"{prefix}{field.name}.")
        else:
            yield f"{prefix}{field.name}", value


def test_every_setting_is_documented_with_its_default() -> None:
    """docs/settings.md has a row for each setting, with its default and a reason."""
    rows = re.findall(
        r"^\| `([a-z_.]+)` \| (\S*) \| (.{10,}) \|$",
        (ROOT / "docs" / "settings.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )

    assert {name: str(value) for name, value in leaves(Settings())} == {
        name: default for name, default, _ in rows
    }


def test_links_lead_somewhere() -> None:
    """Every relative link in a document leads to a file that is there."""
    for document in [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("examples/**/*.md"),
    ]:
        for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", document.read_text("utf-8")):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


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
    for path in re.findall(r"`((?:domain|ports|adapters|contracts|tests|docs)/[\w./-]*)", text):
        assert (ROOT / path.rstrip(".")).exists(), path
