"""Checks the shell commands of the pages without running them."""

import json
import re
import shlex
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import urlsplit

import attrs
import msgspec
from cyclopts import CycloptsError

from shelfport import Settings
from shelfport.adapters.cli.app import app
from shelfport.contracts.sandbox import Faults
from tests.support.pages import ROOT

AN_ID: Final = "7d6aed21-5d13-5113-8dd7-fc1ddeedb6be"
SANDBOX_PORT: Final = 8080
PLACEHOLDERS: Final = {"ID": AN_ID, "KEY": AN_ID}
_END: Final = {"|", "||", "&&", ";", "&"}


class Wrong(Exception):
    """A command line that would not do what the page says."""


def variables() -> set[str]:
    """Every variable of the environment that means something to shelfport."""
    return {f"SHELFPORT_{name.upper().replace('.', '_')}" for name in setting_names()} | {
        "SHELFPORT_SETTINGS"
    }


def setting_names() -> set[str]:
    """Every setting, by its dotted name."""
    found: set[str] = set()
    for field in attrs.fields(attrs.resolve_types(Settings)):
        if field.type is not None and attrs.has(field.type):
            found |= {f"{field.name}.{inner.name}" for inner in attrs.fields(field.type)}
        else:
            found.add(field.name)
    return found


def commands_of(text: str) -> Iterator[list[str]]:
    """Every command of a script, in words."""
    for line in text.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
        lexer.wordchars += "=:,@%+!{}[]^$"
        words: list[str] = []
        skip = False
        for word in lexer:
            if word in _END:
                yield words
                words = []
            elif set(word) <= {"<", ">"}:
                skip = True  # what follows is a file
            elif skip:
                skip = False
            else:
                words.append(word)
        yield words


def check(text: str, *, known_files: Sequence[str] = ()) -> int:
    """How many commands the script has, each of which could be run.

    Raises:
        Wrong: one could not; the sentence says which and why.
    """
    count = 0
    for words in filter(None, commands_of(text)):
        program, arguments = _program(words)
        if program is None:
            continue
        count += 1
        try:
            if program.startswith("python"):
                _python(arguments, known_files)
            # A script of the reader's own may be called anything.
            elif not program.startswith("./"):
                CHECKS.get(program, _unchecked)(arguments)
        except Wrong as wrong:
            raise Wrong(f"{shlex.join(words)}: {wrong}") from wrong
    return count


def _program(words: list[str]) -> tuple[str | None, list[str]]:
    """The program without its folder, after the variables that are set for it."""
    rest = words[1:] if words[0] == "export" else words
    while rest and (found := re.match(r"([A-Z_][A-Z0-9_]*)=", rest[0])):
        name = found.group(1)
        if name.startswith("SHELFPORT_") and name not in variables() | {"SHELFPORT_CSVSTOCK_FILE"}:
            raise Wrong(f"{name} is no variable of shelfport")
        rest = rest[1:]
    if not rest:
        return None, []
    own = rest[0].startswith("./")
    return (rest[0] if own else PurePosixPath(rest[0]).name), rest[1:]


def shelfport(arguments: list[str]) -> None:
    """The command, parsed by itself."""
    words = [PLACEHOLDERS.get(word, word) for word in arguments]
    asks_for_help = "--help" in words
    words = [word for word in words if word != "--help"]
    try:
        command, bound, *_ = app.parse_args(words, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        # A call for help may leave out required arguments.
        if asks_for_help and "requires" in str(error):
            return
        raise Wrong(str(error)) from error
    if words and getattr(command, "__name__", "") == "help_print" and not asks_for_help:
        raise Wrong("it only prints its help")
    # Some commands take text that begins with a hyphen: an unknown option would be one.
    for value in (*bound.args, *bound.kwargs.values()):
        if isinstance(value, str) and value.startswith("--"):
            raise Wrong(f"{value} is no option of it")


def nox(arguments: list[str]) -> None:
    """The front door: its sessions are those of noxfile.py."""
    sessions = set(
        re.findall(r"@nox\.session\ndef (\w+)", (ROOT / "noxfile.py").read_text("utf-8"))
    )
    asked = arguments[: arguments.index("--")] if "--" in arguments else arguments
    for word in asked:
        if word not in {"-l", "-s"} and word not in sessions:
            raise Wrong(f"{word} is no session")
    for word in arguments[len(asked) :]:
        if word.startswith("tests/") and not (ROOT / word).exists():
            raise Wrong(f"there is no {word}")


def pip(arguments: list[str]) -> None:
    """pip: the extras that are asked for exist."""
    extras = set(
        tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"][
            "optional-dependencies"
        ]
    )
    if arguments[:1] != ["install"]:
        raise Wrong("it installs nothing")
    for word in arguments[1:]:
        found = re.fullmatch(r"(?:\.|shelfport)\[([\w,-]+)\]", word)
        if found and (unknown := set(found.group(1).split(",")) - extras):
            raise Wrong(f"there is no extra {', '.join(sorted(unknown))}")


def curl(arguments: list[str]) -> None:
    """Curl at the sandbox's control endpoints: the path is there, and the body is allowed."""
    [url] = [word for word in arguments if word.startswith("http")]
    if urlsplit(url).port != SANDBOX_PORT:
        return  # a host of the reader's own
    data = arguments[arguments.index("-d") + 1] if "-d" in arguments else None
    match urlsplit(url).path.removeprefix("/_sandbox/").split("/"):
        case ["faults"] if data is not None:
            msgspec.json.decode(data, type=Faults)
        case ["stock", "ID"] if data is not None:
            if not set(json.loads(data)) <= {"availableQuantity", "lowStockThreshold"}:
                raise Wrong("the sandbox does not know these fields")
        case ["health" | "journal" | "reset"]:
            pass
        case _:
            raise Wrong("the sandbox has no such address")


def _python(arguments: list[str], known_files: Sequence[str]) -> None:
    match arguments:
        case ["-m", "venv", *_] | ["-m", "pip", *_]:
            return
        case [script, *_] if script in known_files or (ROOT / script).is_file():
            return
        case _:
            raise Wrong("there is no such module or script")


def _unchecked(_arguments: list[str]) -> None:
    raise Wrong("this program is not checked: add it to tests/support/shell.py")


def _others(_arguments: list[str]) -> None:
    """Another program, whose options are not checked."""


CHECKS: Final[dict[str, Callable[[list[str]], None]]] = {
    "curl": curl,
    "gunicorn": _others,
    "hypercorn": _others,
    "jq": _others,
    "pre-commit": _others,
    "nox": nox,
    "pip": pip,
    "pytest": _others,
    "shelfport": shelfport,
    "uvicorn": _others,
}
