"""Every block of code on every page: it parses, and where that is feasible it runs."""

import ast
import doctest
import inspect
import json
import re
import textwrap
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from docs.generate.public import HOMES, thing
from shelfport import load_settings
from shelfport.contracts.sandbox import Sandbox
from tests.docs.given import given
from tests.support.figures import Report
from tests.support.pages import BLOCKS, ROOT, Block, name_of

LANGUAGES = {"http", "json", "py", "pycon", "python", "sh", "text", "toml", "yaml"}
"""Each is checked here or, for `sh`, in test_shell_blocks.py and, for the `py` of the generated
API pages, in test_api.py; `text` is what programs print."""
DIRECTIVES = {"{include}"}
"""What Sphinx checks when it builds the pages."""
MARKS = {None, "generated", "not run", "ten lines", "test command", "yours"}

TESTED = "\n".join(
    path.read_text("utf-8")
    for path in sorted((ROOT / "examples").rglob("*.py"))
    if ".venv" not in path.parts
)
"""The examples, which have tests of their own: what a page quotes from them is checked there."""


def of(*languages: str) -> list[Block]:
    """The blocks in these languages."""
    return [block for block in BLOCKS if block.language in languages]


def is_quoted(block: Block) -> bool:
    """Whether the block stands, line by line, in an example that is tested."""
    return block.text.rstrip() in TESTED


PYTHON = [block for block in of("python") if not is_quoted(block)]


def test_blocks_say_what_they_are() -> None:
    """Every block names a language that something checks; marks are known and have a reason."""
    for block in BLOCKS:
        assert (block.language.split() or [""])[0] in LANGUAGES | DIRECTIVES, block.name
        assert block.mark in MARKS, block.name
        assert block.mark != "not run" or block.reason, block.name


@pytest.mark.parametrize("block", PYTHON, ids=name_of)
async def test_python_runs(block: Block, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Every Python block compiles; unless it says why not, it runs, given what pages presume.

    Where it asks the Inventory Service, a sandbox answers.
    """
    compile(block.text, block.name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    if block.mark == "not run":
        return
    monkeypatch.chdir(tmp_path)
    async with given() as names, Sandbox() as sandbox:
        monkeypatch.setenv("SHELFPORT_BASE_URL", sandbox.url)
        text = block.text.replace("https://inventory.internal", sandbox.url)
        result = eval(compile(text, block.name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
        if inspect.iscoroutine(result):
            await result
        for name, test in names.items():
            # One that wants fixtures is pytest's to run.
            if name.startswith("test_") and not inspect.signature(test).parameters:
                await test()


def test_what_is_not_run_is_told(report: Report) -> None:
    """How many blocks are run, and which are not, with the reason."""
    blocks = [block for block in PYTHON if block.mark == "not run"]
    report(f"{len(PYTHON) - len(blocks)} Python blocks run, {len(of('python'))} in all")
    for block in blocks:
        report(f"not run: {block.name}: {block.reason}")

    assert len(blocks) < len(PYTHON) / 4


@pytest.mark.parametrize("block", of("pycon"), ids=name_of)
def test_sessions_print_what_they_say(block: Block) -> None:
    """Every interactive session prints what the page shows."""
    test = doctest.DocTestParser().get_doctest(block.text, {}, block.name, None, block.line)

    assert 0 < len(test.examples)
    assert 0 == doctest.DocTestRunner(verbose=False).run(test).failed


def public_docstrings() -> list[doctest.DocTest]:
    """The sessions in docstrings of public names."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    return [
        test
        for name, home in HOMES.items()
        for test in finder.find(thing(home, name), name)
        if test.examples
    ]


@pytest.mark.parametrize("test", public_docstrings(), ids=lambda test: str(test.name))
def test_docstrings_print_what_they_say(test: doctest.DocTest) -> None:
    """Every session in a public docstring prints what it shows."""
    assert 0 == doctest.DocTestRunner(verbose=False).run(test).failed


def settings_table(block: Block, tmp_path: Path) -> None:
    """A TOML block; a table of ours is loaded as a settings file is."""
    table = tomllib.loads(block.text)
    if "shelfport" in table:
        file = tmp_path / "shop.toml"
        file.write_text(block.text, "utf-8")
        load_settings(file)


def request(block: Block, _tmp_path: Path) -> None:
    """A request: its line, its headers, and a body of JSON."""
    head, _, body = block.text.partition("\n\n")
    line, *headers = head.splitlines()
    assert re.fullmatch(r"(GET|POST|PUT|DELETE) /\S* HTTP/1\.1", line), line
    assert all(re.fullmatch(r"[\w-]+: .+", header) for header in headers), headers
    json.loads(body)


CHECKS: dict[str, Callable[[Block, Path], object]] = {
    "http": request,
    "json": lambda block, _: json.loads(block.text),
    "toml": settings_table,
    "yaml": lambda block, _: [*yaml.safe_load_all(block.text)],
}


@pytest.mark.parametrize("block", of(*CHECKS), ids=name_of)
def test_data_parses(block: Block, tmp_path: Path) -> None:
    """Every block of data parses; settings are allowed, and mean something."""
    CHECKS[block.language](block, tmp_path)


def test_a_quotation_is_word_by_word() -> None:
    """What a page quotes from an example is found there; what is changed is not."""
    [block, *_] = [b for b in of("python") if "class CsvHarness" in b.text]

    assert is_quoted(block)
    assert not is_quoted(block._replace(text=textwrap.dedent(block.text).replace("rows", "lines")))
