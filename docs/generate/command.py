"""The part of docs/command.md that the command's own help says."""

import inspect
import io
import re
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from functools import cache
from typing import NamedTuple

from cyclopts import App

from docs.generate.docstrings import code, joined, table
from docs.generate.documents import documents_of
from shelfport.adapters.cli.app import app, run
from shelfport.adapters.cli.check import CHECKS

FLAGS = {"--help", "-h", "--version"}
ITEMS = {
    "Arguments": r"[A-Z]+",
    "Parameters": r"--[\w-]+(?: [A-Z.]+)?",
    "Commands": r"[\w-]+(?:, -\w)?",
}
"""How an item of each list of the help begins; a line that does not goes on with the item."""
_CODE = re.compile(
    r"(?<![\w`/])--?[a-z][\w-]*"  # an option
    r"|\b[A-Z]+_(?:[A-Z_]+\b|\.\.\.)"  # a variable, or a value that is written so
    r"|\[shelfport(?:\.\w+)?\]"
    r"|\w+\.ya?ml\b|\bdocs/[\w-]+\.md\b"
    r"|(?<![\w`])/[\w-]+/[\w/-]+"  # a path of an address
    r"|\{.*?\}(?=[ ;.,:]|$)"  # JSON
    r"|\w+://[\w.:/@-]*\w/?"
)


class Help(NamedTuple):
    """What `--help` prints, in its parts."""

    usage: str
    about: str
    """The first sentences, and what stands after them without a heading."""
    lists: Mapping[str, list[tuple[str, str]]]
    """Arguments, parameters and commands: each name with its text."""
    epilogue: list[str]
    """The paragraphs behind them."""


@cache
def help_of(command: str) -> Help:
    """The help of a command, as it is printed into a pipe."""
    printed = io.StringIO()
    with redirect_stdout(printed):
        run([*command.split(), "--help"])
    usage, *blocks = re.split(r"\n{2,}", printed.getvalue().strip())
    lists: dict[str, list[tuple[str, str]]] = {}
    about: list[str] = []
    while blocks:
        heading = re.match(r"(Arguments|Parameters|Commands):\n", blocks[0])
        if heading:
            item = ITEMS[heading.group(1)]
            items = re.findall(
                rf"^  ({item}): (.*(?:\n(?!  {item}: ).*)*)", blocks.pop(0), re.MULTILINE
            )
            lists[heading.group(1)] = [(name, joined(text)) for name, text in items]
        elif lists:
            break
        else:
            about.append(blocks.pop(0))
    return Help(usage.removeprefix("Usage: "), "\n\n".join(about), lists, blocks)


def commands(of: App = app, prefix: str = "") -> Iterator[str]:
    """Every command, its subcommands behind it."""
    for name in of:
        if name not in FLAGS:
            yield f"{prefix}{name}"
            yield from commands(of[name], f"{prefix}{name} ")


def command() -> str:
    """What each command does, the exit codes, and a section for each command."""
    rows = [
        [f"[`{name}`](#{_anchor(name)})", _prose(help_of(name).about.split("\n\n")[0])]
        for name in commands()
    ]
    lines = [*table("command", "does", rows=rows), "## Exit codes", "", *_exit_codes()]
    for name in commands():
        lines += _section(name)
    return "\n".join(lines).rstrip()


def _anchor(name: str) -> str:
    return name.replace(" ", "-")


def _section(name: str) -> Iterator[str]:
    said = help_of(name)
    level = "###" if " " in name else "##"
    yield from (f"{level} {_heading(name)}", "")
    yield from ("```text", said.usage, "```", "")
    yield from (_prose(said.about), "")
    for title, column in (("Arguments", "argument"), ("Parameters", "option")):
        yield from table(column, "meaning", "default", rows=[*_options(said.lists.get(title, ()))])
    group = name.rpartition(" ")[0]
    if not group or said.epilogue != help_of(group).epilogue:
        for block in said.epilogue:
            yield from _block(block)
    if name == "check":
        yield from _checks()
    for document in documents_of(name):
        yield from document


def _heading(name: str) -> str:
    return f"`{name}`" if name.startswith("-") else name


def _options(pairs: "list[tuple[str, str]] | tuple[()]") -> Iterator[list[str]]:
    for name, text in pairs:
        notes = re.findall(r"\[(default: .+?|required|choices: .+?)\](?= \[|$)", text)
        meaning = re.sub(r" ?\[(?:default: .+?|required|choices: .+?)\](?= \[|$)", "", text)
        default = ""
        for note in notes:
            kind, _, value = note.partition(": ")
            if kind == "choices":
                meaning += f" One of {value}."
            else:
                default = code(value) or "required"
        yield [code(name), _prose(meaning), default]


def _block(text: str) -> Iterator[str]:
    """A paragraph of the help's end: examples, or prose; the exit codes have a section."""
    heading, _, rest = text.partition("\n")
    if heading == "Exit codes:":
        return
    if heading == "Examples:":
        yield from ("```sh", re.sub(r"^  ", "", rest, flags=re.MULTILINE), "```", "")
    else:
        yield from (_prose(text), "")


def _checks() -> list[str]:
    """The checks of `check` in their order."""
    return table(
        "check",
        "needs",
        "passes if",
        rows=[
            [
                code(check.name),
                ", ".join(map(code, check.needs)),
                joined(inspect.getdoc(check.run) or ""),
            ]
            for check in CHECKS
        ],
    )


def _exit_codes() -> list[str]:
    [block] = [b for b in help_of("").epilogue if b.startswith("Exit codes:\n")]
    items = re.findall(r"^  (\d+) +(.*(?:\n {4,}.*)*)", block, re.MULTILINE)
    return table("code", "means", rows=[[code(number), joined(text)] for number, text in items])


def _prose(text: str) -> str:
    """Sentences of a plain help text as Markdown: what is typed or printed becomes code."""
    return "\n\n".join(
        _CODE.sub(lambda found: code(found.group()), joined(paragraph))
        for paragraph in text.split("\n\n")
    )
