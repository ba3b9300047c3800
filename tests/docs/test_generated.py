"""The pages that are made from the code are current and complete."""

import ast
import inspect
import re
from enum import Enum
from typing import Any

import attrs
import pytest

import shelfport.errors
from docs.generate import public, settings
from docs.generate.errors import KINDS, parts_of, raised
from docs.generate.pages import API, DOCS, current
from docs.generate.refused import REFUSED_TOGETHER, refusal
from docs.generate.source import own_docs
from shelfport import InventoryError
from shelfport.domain.services.backoff import Backoff
from shelfport.errors import FaultScope

PAGES = dict(current())
GROUPS = dict(settings.groups())


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(DOCS)))
def test_a_page_is_current(path: Any) -> None:
    """What is generated on the page is what the code gives now: `nox -s docs -- --write`."""
    assert PAGES[path] == path.read_text("utf-8")


def test_no_page_is_left_of_a_module_that_is_not_public() -> None:
    """docs/api has the generated pages and no other."""
    assert set(API.glob("*.md")) == {path for path in PAGES if path.parent == API}


@pytest.mark.parametrize("group", GROUPS)
def test_every_setting_has_a_meaning_and_every_number_a_reason(group: str) -> None:
    """Each setting has a docstring; one with a number for a default says why that one."""
    cls = GROUPS[group]
    docs = own_docs(cls)
    for field in attrs.fields(cls):
        if attrs.has(type(getattr(cls(), field.name))):
            continue
        meaning, why = settings.meaning(docs.get(field.name, ""))
        assert meaning, field.name
        assert why or type(getattr(cls(), field.name)) not in (int, float), field.name


def rules(cls: type) -> int:
    """How many refusals the class has that concern several of its values."""
    refusing = {"__attrs_post_init__", "_combinations"}
    body = ast.parse(inspect.cleandoc(inspect.getsource(cls)))
    return sum(
        isinstance(node, ast.Yield)
        or (isinstance(node, ast.Raise) and "sentence)" not in ast.unparse(node))
        for method in ast.walk(body)
        if isinstance(method, ast.FunctionDef) and method.name in refusing
        for node in ast.walk(method)
    )


def test_every_rule_over_several_settings_has_an_example() -> None:
    """The page shows each refusal of settings that make no sense together, once."""
    own = sum(map(rules, GROUPS.values()))
    shared = rules(Backoff) * sum(hasattr(cls, "backoff") for cls in GROUPS.values())

    assert own + shared == len({refusal(GROUPS, example) for example in REFUSED_TOGETHER})


@pytest.mark.parametrize("cls", raised())
def test_every_error_says_its_cause_and_what_to_do(cls: type[Exception]) -> None:
    """An error's docstring has what it is, its cause, and what to do: a sentence each at least."""
    for part in parts_of(cls):
        assert re.fullmatch(r"\S.{20,}\.", part, re.DOTALL), part


def test_the_errors_are_those_that_the_code_raises() -> None:
    """Every public error that is no mere kind of errors has its section."""
    page = (DOCS / "errors.md").read_text("utf-8")
    errors = {
        name
        for name in shelfport.errors.__all__
        if inspect.isclass(cls := getattr(shelfport.errors, name)) and issubclass(cls, Exception)
    }

    assert errors - {kind.__name__ for kind in KINDS} == set(
        re.findall(r"^### (\w+)$", page, re.MULTILINE)
    )


def test_each_error_is_in_the_row_of_its_scope() -> None:
    """The table of scopes has each error that is raised once, in the row of its class's scope."""
    section = (DOCS / "errors.md").read_text("utf-8").partition("\n## Each error\n")[0]
    rows = dict(re.findall(r"^\| `([A-Z]+)` \|.*\| (.*) \|$", section, re.MULTILINE))
    named = {scope: re.findall(r"\[`(\w+)`\]", errors) for scope, errors in rows.items()}
    scoped = [cls for cls in raised() if issubclass(cls, InventoryError)]

    assert {scope.name for scope in FaultScope} == named.keys()
    assert sorted((cls.scope.name, cls.__name__) for cls in scoped) == sorted(
        (scope, name) for scope, names in named.items() for name in names
    )


def parts(thing: Any) -> list[Any]:
    """The thing, and of a class its public methods and properties."""
    if not inspect.isclass(thing) or issubclass(thing, Enum):
        return [thing]
    return [thing] + [
        value.fget if isinstance(value, property) else value
        for key, value in vars(thing).items()
        if not key.startswith("_") and (inspect.isfunction(value) or isinstance(value, property))
    ]


def test_public_names_have_docstrings_of_a_sentence() -> None:
    """A public class or function has a docstring of a sentence; so has each public method of it."""
    things = [public.thing(home, name) for name, home in public.HOMES.items()]
    for thing in things:
        if not (inspect.isclass(thing) or inspect.isfunction(thing)):
            continue
        for part in parts(thing):
            text = inspect.getdoc(part) or ""
            # A method of a port's implementation may point to the port.
            assert 20 <= len(text) or re.fullmatch(r"See `[\w.]+`\.", text), part
            assert text.split("\n\n")[0][-1] in ".:", part
