"""Every shell line on every page, against what it calls: commands, options, sessions, extras."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from shelfport.adapters.observability.metrics import METRICS
from tests.support.figures import Report
from tests.support.pages import BLOCKS, PAGES, Block, name_of, spans_of
from tests.support.shell import Wrong, check, setting_names, variables

SHELL = [block for block in BLOCKS if block.language == "sh"]
GROUPS = {name.split(".")[0] for name in setting_names() if "." in name}


def files_of(page: Path) -> list[str]:
    """The scripts that the page has its reader save."""
    return re.findall(r"as `([\w.-]+\.py)`", page.read_text("utf-8"))


def runs(document: Any) -> Iterator[str]:
    """Every `run:` of a workflow, wherever it stands."""
    match document:
        case dict():
            for key, value in document.items():
                if key == "run" and isinstance(value, str):
                    yield value
                else:
                    yield from runs(value)
        case list():
            for value in document:
                yield from runs(value)
        case _:
            pass


@pytest.mark.parametrize("block", SHELL, ids=name_of)
def test_commands_and_their_options_are_there(block: Block) -> None:
    """Every command of a block exists, and takes the options that the page gives it."""
    assert 0 < check(block.text, known_files=files_of(block.page)) or "export" in block.text


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language == "yaml"], ids=name_of)
def test_the_steps_of_workflows_are_there(block: Block) -> None:
    """So does every command of a workflow's steps."""
    for document in yaml.safe_load_all(block.text):
        for step in runs(document):
            check(step.replace("# the service itself", ""))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_what_prose_names_is_there(page: Path) -> None:
    """Commands, variables and settings that a sentence names in code exist."""
    for span in spans_of(page):
        if re.match(r"(shelfport|nox) [a-z-]", span) and "…" not in span:
            # A sentence need not give what the command wants.
            check(f"{span} --help" if span.startswith("shelfport") else span)
        for variable in re.findall(r"\bSHELFPORT_[A-Z_]+[A-Z]\b", span):
            assert variable in variables() | SWITCHES, variable
        if re.fullmatch(r"([a-z]+)\.[a-z_]+", span) and span.split(".")[0] in GROUPS - {"cache"}:
            assert span in setting_names() | SHORT, span


SWITCHES = {
    "SHELFPORT_CHROMIUM",
    "SHELFPORT_CSVSTOCK_FILE",
    "SHELFPORT_LONG",
    "SHELFPORT_OPS_TOKEN",
    "SHELFPORT_REQUIRE_SERVICES",
    "SHELFPORT_SERVICE_HOST",
}
"""Variables of the tests, of an example, of single commands and of Kubernetes: no settings."""
SHORT = {metric.name.removeprefix("shelfport.inventory.") for metric in METRICS}
"""Names of metrics, as docs/failure.md shortens them."""


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("shelfport get ID --max-stalenes 0", "no option"),
        ("shelfport chek", "chek"),
        ("shelfport init ID --quantity many", "many"),
        ("SHELFPORT_CACHE_FRESH=3 shelfport check", "no variable"),
        ("nox -s test", "no session"),
        ("nox -s tests -- tests/adapter", "there is no tests/adapter"),
        ('pip install "shelfport[rediss]"', "no extra"),
        ("curl -X PUT http://127.0.0.1:8080/_sandbox/fault -d '{}'", "no such address"),
        ("python shop.py", "no such module"),
        ("shelfprot check", "is not checked"),
    ],
)
def test_a_slip_is_found(line: str, why: str) -> None:
    """A mistyped command, option, value, variable, session, extra or address is told."""
    with pytest.raises(Wrong, match=why):
        check(line)


def test_how_much_is_checked(report: Report) -> None:
    """How many commands the pages have."""
    count = sum(check(block.text, known_files=files_of(block.page)) for block in SHELL)
    report(f"{len(BLOCKS)} blocks on {len(PAGES)} pages; {count} commands in {len(SHELL)} of them")

    assert 50 < count
