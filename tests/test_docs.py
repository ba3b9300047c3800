"""The documents say what the code does."""

import re
from pathlib import Path

import msgspec

from shelfport.contracts.pact.states import STATES

ROOT = Path(__file__).parents[1]


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
