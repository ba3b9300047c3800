import os
import pty
import re
import shlex
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import yaml

from shelfport.adapters.cli import main, output, queue_output
from shelfport.adapters.cli.app import app
from shelfport.adapters.cli.check import report
from shelfport.adapters.cli.contracts import broker_commands, contracts_app, verification
from tests.adapters.cli.conftest import MAIN, SOURCES

COMMANDS = (
    "get", "init", "check", "worker", "queue", "reconcile", "sandbox", "size", "demo", "top",
    "contracts",
    "events", "--install-completion",
)  # fmt: skip
EVENTS = ("listen", "replay")
CONTRACTS = ("generate", "verify", "publish", "can-i-deploy", "record-deployment")
PAGES = (
    *COMMANDS,
    *(f"contracts {name}" for name in CONTRACTS),
    *(f"events {name}" for name in EVENTS),
)
DOCS = Path(__file__).parents[3] / "docs"
REFERENCE = DOCS / "command.md"
_COLOR = re.compile(r"\x1b\[[0-9;]*3[0-7]")


def examples(text: str) -> list[list[str]]:
    """The arguments of each example in `text`, up to a pipe or a redirection."""
    found: list[list[str]] = []
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip().startswith("shelfport "):
            words = shlex.split(line, comments=True)[1:]
            ends = [words.index(end) for end in ("|", "<", ">", "&&") if end in words]
            found.append(words[: min(ends, default=len(words))])
    return found


@pytest.fixture(params=["", *PAGES], ids=lambda name: name or "shelfport")
def page(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> str:
    """The help of a command, in a pipe."""
    code = main([*request.param.split(), "--help"])
    out, err = capsys.readouterr()
    assert (0, "") == (code, err)
    return out


def test_every_command_is_known_here() -> None:
    """A command that is added is added to these tests as well."""
    flags = ("--help", "-h", "--version")

    assert set(COMMANDS) == {name for name in app if name not in flags}
    assert set(CONTRACTS) == {name for name in contracts_app if name not in flags}
    assert set(EVENTS) == {name for name in app["events"] if name not in flags}


def test_help_is_plain_in_a_pipe(page: str) -> None:
    """Help in a pipe has no colours and no frames."""
    assert set("\x1b╭│") & set(page) == set()


def test_help_teaches_by_examples(page: str) -> None:
    """Every help has examples that the parser takes, and the exit codes."""
    _, _, after = page.partition("Examples:\n")
    shown = examples(after.partition("\n\n")[0])

    assert [] != shown
    for words in shown:
        app.parse_args(words, exit_on_error=False, print_error=False)
    assert "Exit codes:" in page


def test_the_reference_has_every_command_by_examples() -> None:
    """The reference shows every command, in lines that the parser takes."""
    shown = examples(REFERENCE.read_text())
    for words in shown:
        app.parse_args(words, exit_on_error=False, print_error=False)

    assert [] == [
        page
        for page in PAGES
        if not any(words[: len(page.split())] == page.split() for words in shown)
    ]


def test_the_pipelines_are_what_the_parser_takes() -> None:
    """docs/contracts.md shows both teams' builds, and yaml and commands in it can be read."""
    text = (DOCS / "contracts.md").read_text()
    shown = examples(text)
    for words in shown:
        app.parse_args(words, exit_on_error=False, print_error=False)

    assert {"publish", "verify", "can-i-deploy", "record-deployment"} <= {
        w[1] for w in shown if w[1:]
    }
    builds = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]
    assert ["release", "verify"] == [job for build in builds for job in build["jobs"]]


@pytest.mark.parametrize(
    "document",
    [
        output.StockDocument,
        output.StockEntry,
        output.InitializationDocument,
        output.FailureEntry,
        queue_output.QueueDocument,
        queue_output.QueueEntry,
        queue_output.ChangeDocument,
        queue_output.MigrationDocument,
        queue_output.ReconcileDocument,
        queue_output.UnreadableEntry,
        report.CheckDocument,
        report.SettingEntry,
        report.CheckEntry,
        verification.VerificationDocument,
        verification.InteractionEntry,
        broker_commands.DecisionDocument,
        broker_commands.PairEntry,
    ],
)
def test_the_reference_has_every_field(document: type[msgspec.Struct]) -> None:
    """Every field of every document is in the reference, under its name in JSON."""
    text = REFERENCE.read_text()
    fields = [field.encode_name for field in msgspec.structs.fields(document)]

    assert [] == [name for name in fields if f"`{name}`" not in text]


def in_a_terminal(*arguments: str, **variables: str) -> str:
    """What `shelfport` writes to a terminal."""
    ours = ("SHELFPORT_", "FORCE_COLOR", "NO_COLOR", "TTY_")
    env = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    main_end, process_end = pty.openpty()
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", MAIN, *arguments],
            stdin=process_end,
            stdout=process_end,
            stderr=process_end,
            env=env | {"PYTHONPATH": SOURCES, "TERM": "xterm-256color"} | variables,
        )
    finally:
        os.close(process_end)
    written = b""
    with process, os.fdopen(main_end, "rb", buffering=0) as terminal:
        try:
            while chunk := terminal.read(65_536):
                written += chunk
        except OSError:
            pass  # Linux says so that nobody writes to the terminal any more
    assert 0 == process.returncode
    return written.decode()


@pytest.mark.parametrize("arguments", [("check",), ("--help",)], ids=" ".join)
def test_colours_are_for_terminals_that_want_them(arguments: tuple[str, ...]) -> None:
    """A terminal gets colours, and none where NO_COLOR is set."""
    assert _COLOR.search(in_a_terminal(*arguments)) is not None
    assert _COLOR.search(in_a_terminal(*arguments, NO_COLOR="1")) is None
