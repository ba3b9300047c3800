"""The API reference has every public name once, with a signature that Python could read."""

import ast
import inspect
import re
from pathlib import Path

import pytest

from docs.generate import public, signatures
from docs.generate.api import docs_of
from docs.generate.docstrings import markdown, parse, summary
from docs.generate.links import linked, target
from docs.generate.members import methods
from docs.generate.pages import API
from docs.generate.source import function_node
from shelfport import Availability, StockReading, build
from tests.support.pages import Block, anchors_of, blocks_of

PAGES = {home: API / public.page_of(home) for home in public.MODULES}


def headings(page: Path, level: str) -> list[str]:
    """The names in the page's headings of this level."""
    return re.findall(rf"^{level} `([\w.]+)`$", page.read_text("utf-8"), re.MULTILINE)


def test_every_public_module_is_known() -> None:
    """The modules beside the links of src/shelfport are those of the reference."""
    package = Path(public.module("shelfport").__file__ or "").parent
    here = {f"shelfport.{path.stem}" for path in package.glob("[!_]*.py")}
    elsewhere = {
        "shelfport.ports",
        *(f"shelfport.contracts.{n}" for n in ("conformance", "sandbox")),
    }

    assert {"shelfport"} | here | elsewhere == set(public.MODULES)


def test_every_public_name_is_described_once() -> None:
    """Each name has one section, on the page of the first module that exports it."""
    described = [name for page in PAGES.values() for name in headings(page, "##")]

    assert sorted(public.HOMES) == sorted(described)


@pytest.mark.parametrize("home", public.MODULES)
def test_a_page_leads_to_each_name_of_its_module(home: str) -> None:
    """The page's table has every name of `__all__`, and each link leads to its section."""
    page = PAGES[home]
    # A module's docstring may have a table of its own before this one.
    names = page.read_text("utf-8").partition("\n| name | what it is |\n")[2]
    rows = re.findall(r"^\| \[`(\w+)`\]\((.*?)#(.*?)\) \| (.+) \|$", names, re.MULTILINE)

    assert public.module(home).__all__ == [name for name, *_ in rows]
    for name, file, anchor, _ in rows:
        there = page.parent / file if file else page
        assert there == PAGES[public.HOMES[name]]
        assert anchor in anchors_of(there)


def test_the_index_leads_to_every_page() -> None:
    """docs/api/README.md has each module with a sentence about it."""
    rows = re.findall(
        r"^\| \[`([\w.]+)`\]\((.+?)\) \| (\S.{20,}\.) \| \d+ \|$",
        (API / "README.md").read_text("utf-8"),
        re.MULTILINE,
    )

    assert [(home, public.page_of(home)) for home in public.MODULES] == [row[:2] for row in rows]


def test_every_public_name_has_a_docstring() -> None:
    """A union and a constant have one as well, under their assignment."""
    assert [] == [
        name
        for name, home in public.HOMES.items()
        if not re.match(r"[A-Z`0-9].{9,}", docs_of(home, name))
    ]


@pytest.mark.parametrize("home", public.MODULES)
def test_every_public_method_has_a_heading(home: str) -> None:
    """A method is described below its class."""
    titles = headings(PAGES[home], "###")
    for name in (name for name, first in public.HOMES.items() if first == home):
        thing = public.thing(home, name)
        if inspect.isclass(thing):
            below = [title for title in titles if title.startswith(f"{name}.")]
            assert [f"{name}.{method.name}" for method in methods(thing)] == below


SIGNATURES = [block for page in PAGES.values() for block in blocks_of(page)]


@pytest.mark.parametrize("home", public.MODULES)
def test_code_of_the_reference_can_be_read(home: str) -> None:
    """Every signature is Python, as is every example of a docstring."""
    for block in blocks_of(PAGES[home]):
        check_code(block)


def check_code(block: Block) -> None:
    text = block.text
    if re.match(r"(@\w+\n)?(async )?def ", text):
        text = f"{text.rstrip()}: ..."
    elif re.match(r"class \w+\(.*[:*]", text, re.DOTALL) and not re.match(r".*:\n", text):
        text = f"{text.replace('class ', 'def ', 1).rstrip()}: ..."
    elif text.startswith("class ") and "\n    " not in text:
        text = f"{text.rstrip()}: ..."
    elif text.startswith(">>>"):
        return  # run with the docstrings of public names

    assert "py" == block.language
    compile(text, block.name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    assert not re.search(r"<class|<function| object at 0x|Attribute\(", text)


def test_signatures_name_only_what_can_be_imported() -> None:
    """No signature mentions a class of shelfport that is not public."""
    text = "\n".join(block.text for block in SIGNATURES if "def " in block.text)
    internal = {"StockLookup", "Initializer", "CacheLayer", "SharedCacheClient", "Worker"}

    assert set() == internal & set(re.findall(r"\w+", text))


def test_a_long_signature_has_a_line_for_each_parameter() -> None:
    """Short ones stay on a line."""
    lines = signatures.function(function_node(build)).splitlines()

    assert ["def build(", "    settings: Settings | None = None,", "    *,"] == lines[:3]
    assert "def f(a, b) -> int" == signatures.call("def f", ["a", "b"], "int")


def test_a_class_shows_what_its_constructor_takes() -> None:
    """An attrs class shows its fields, with their types and defaults."""
    assert "freshness: Freshness = Freshness.LIVE" in signatures.class_(StockReading)


def test_names_become_links() -> None:
    """A single-backtick name that is public leads to its section; code and other names do not."""
    text = "`build` and `StockReading.age()`, not `foo` nor ``build``\n\n```py\n`build`\n```"

    assert (
        "[`build`](shelfport.md#build) and [`StockReading.age()`](shelfport.md#stockreadingage), "
        "not `foo` nor ``build``\n\n```py\n`build`\n```"
    ) == linked(text, page="errors.md")
    assert "#stockreadingage" == target("age", page="shelfport.md", scope="StockReading")
    assert "errors.md" == target(".errors", page="shelfport.md")
    assert target("StockReading", page="shelfport.md", scope="StockReading") is None


def test_names_that_differ_in_case_have_anchors_of_their_own() -> None:
    """As a forge numbers them: `Health`, then `health`."""
    assert "#health" == target("Health", page="shelfport.md")
    assert "#health-1" == target("health", page="shelfport.md")


def test_a_closed_union_shows_its_members() -> None:
    """`Availability` lists both of its cases."""
    page = PAGES["shelfport"].read_text("utf-8")
    section = page.partition("## `Availability`\n")[2].partition("\n## ")[0]

    assert {kind.__name__ for kind in Availability.__args__} == set(
        re.findall(r"^- \[`(\w+)`\]", section, re.MULTILINE)
    )


def test_a_docstring_in_its_parts() -> None:
    """Sections are taken apart, and prose becomes Markdown."""
    docs = parse(
        "What it does. More.\n\nLike this::\n\n    a = 1\n\n    b = 2\n\n"
        "Args:\n    one: the first,\n        on two lines.\n    two: seconds.\n\n"
        "Raises:\n    ValueError: it is wrong.\n"
    )

    assert [("one", "the first, on two lines."), ("two", "seconds.")] == list(docs.args)
    assert [("ValueError", "it is wrong.")] == list(docs.raises)
    assert "What it does." == summary(docs.body)
    assert markdown(docs.body).endswith("Like this:\n\n```py\na = 1\n\nb = 2\n```")
