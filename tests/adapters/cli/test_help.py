import os
import pty
import re
import shlex
import subprocess
import sys
from enum import Enum
from functools import reduce
from inspect import Signature
from pathlib import Path

import msgspec
import pytest
import yaml
from cyclopts import App

from docs.generate.command import FLAGS, commands
from docs.generate.documents import documents
from shelfport.adapters.cli import main
from shelfport.adapters.cli.app import app
from shelfport.adapters.cli.check import CHECKS
from shelfport.adapters.cli.contracts import contracts_app
from shelfport.adapters.cli.running import Exit
from tests.adapters.cli.conftest import MAIN, SOURCES

COMMANDS = (
    "get", "init", "check", "worker", "queue", "reconcile", "sandbox", "size", "demo", "top",
    "contracts",
    "events", "--install-completion",
)  # fmt: skip
EVENTS = ("listen", "replay")
QUEUE = ("list", "dead", "show", "retry", "drop", "migrate")
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
    """These tests know every command of the program."""
    flags = ("--help", "-h", "--version")

    assert set(COMMANDS) == {name for name in app if name not in flags}
    assert set(CONTRACTS) == {name for name in contracts_app if name not in flags}
    assert set(EVENTS) == {name for name in app["events"] if name not in flags}


def test_help_is_plain_in_a_pipe(page: str) -> None:
    """Help in a pipe has no colours and no frames."""
    assert set("\x1b╭│") & set(page) == set()


@pytest.mark.parametrize("command", ["", *commands()], ids=lambda name: name or "shelfport")
def test_help_is_ascii(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The help of every command has only characters that every terminal's encoding has."""
    assert 0 == main([*command.split(), "--help"])
    assert capsys.readouterr().out.isascii()


def test_help_has_examples(page: str) -> None:
    """Every help has examples that the parser takes, and the exit codes."""
    _, _, after = page.partition("Examples:\n")
    shown = examples(after.partition("\n\n")[0])

    assert [] != shown
    for words in shown:
        app.parse_args(words, exit_on_error=False, print_error=False)
    assert "Exit codes:" in page


def test_the_reference_has_every_command_by_examples() -> None:
    """The reference shows every command, in lines that the parser takes."""
    blocks = re.findall(r"```sh\n(.*?)```", REFERENCE.read_text(), re.DOTALL)
    shown = examples("\n".join(blocks))
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


def section(command: str) -> str:
    """What the reference says of a command."""
    heading = f"`{command}`" if command.startswith("-") else command
    level = "###" if " " in command else "##"
    text = REFERENCE.read_text()
    assert 1 == text.count(f"\n{level} {heading}\n")
    return re.split(r"\n##", text.partition(f"\n{level} {heading}\n")[2])[0]


def parser_of(command: str) -> App:
    """What parses the command's options."""
    return reduce(lambda parser, word: parser[word], command.split(), app)


LEAVES = [name for name in commands() if not set(parser_of(name)) - FLAGS]


def test_the_reference_has_a_section_for_every_command() -> None:
    """The generator finds every command, also those of groups."""
    assert {*PAGES, *(f"queue {name}" for name in QUEUE)} == set(commands())
    for command in commands():
        assert f"\nshelfport {command}" in section(command)


@pytest.mark.parametrize("command", LEAVES)
def test_the_reference_has_every_option(command: str) -> None:
    """Every option and argument is in the command's section, with what it is and its default."""
    rows = {
        re.split(r"[ .]", name)[0]: (meaning, default)
        for name, meaning, default in re.findall(
            r"^\| `([^`]+)` \| (\S.+?) \| (?:`?(.*?)`? )?\|$", section(command), re.MULTILINE
        )
    }
    taken = [a for a in parser_of(command).assemble_argument_collection() if a.show]

    for argument in taken:
        meaning, default = rows[argument.names[0]]
        assert len(meaning) > 10, argument
        if argument.required:
            assert "required" == default, argument
        elif argument.parameter.show_default is not False:
            value = argument.field_info.default
            value = value.value if isinstance(value, Enum) else value
            assert ("" if value in {None, Signature.empty} else str(value)) == default, argument


def test_the_reference_has_every_check() -> None:
    """The section of `check` has each check, what it needs, and when it passes."""
    rows = re.findall(r"^\| `(\w+)` \| (.*?) ?\| (\S.{20,}\.) \|$", section("check"), re.MULTILINE)
    found = {name: tuple(re.findall(r"`(\w+)`", needs)) for name, needs, _ in rows}

    assert {check.name: check.needs for check in CHECKS}.items() <= found.items()


def test_the_reference_has_every_exit_code() -> None:
    """The codes of the program stand in a table, each with what it means."""
    text = REFERENCE.read_text().partition("## Exit codes")[2].partition("\n## ")[0]

    assert {str(code.value) for code in Exit} == set(
        re.findall(r"^\| `(\d+)` \| \S.{5,} \|$", text, re.MULTILINE)
    )


@pytest.mark.parametrize("name", documents())
def test_the_reference_has_every_member(name: str) -> None:
    """Every document is printed by some command; each member is described, by its JSON name."""
    text = REFERENCE.read_text()
    title = " ".join(re.findall(r"[A-Z][a-z]+", name)).capitalize()
    table = text.partition(f"**{title}.** ")[2].partition("\n\n")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| `(\w+)` \| (\S.*?) \| (\S.{5,}) \|$", table, re.MULTILINE)

    members = [field.encode_name for field in msgspec.structs.fields(documents()[name])]
    assert members == [member for member, *_ in rows]


def in_a_terminal(*arguments: str, **variables: str) -> str:
    """The output of `shelfport` in a terminal."""
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
            pass  # Linux ends so after the last writer
    assert 0 == process.returncode
    return written.decode()


@pytest.mark.parametrize("command", ["", "get", "queue", "events listen"])
def test_help_in_a_terminal_without_unicode(command: str) -> None:
    """In a terminal that shows ASCII alone, help is shown in full, with frames of ASCII."""
    shown = in_a_terminal(*command.split(), "--help", PYTHONIOENCODING="ascii")

    assert "Exit codes:" in shown
    assert shown.isascii()
    assert "\\u" not in shown


@pytest.mark.parametrize("arguments", [("check",), ("--help",)], ids=" ".join)
def test_colours_in_a_terminal(arguments: tuple[str, ...]) -> None:
    """In a terminal the output has colours, unless NO_COLOR is set."""
    memory = {"SHELFPORT_ADAPTER": "memory"}
    assert _COLOR.search(in_a_terminal(*arguments, **memory)) is not None
    assert _COLOR.search(in_a_terminal(*arguments, **memory, NO_COLOR="1")) is None
