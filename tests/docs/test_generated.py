"""The pages that are made from the code are current and complete."""

import ast
import inspect
import re
from enum import Enum

import attrs
import pytest

import shelfport
from docs import generate
from shelfport.domain.services.queue_policy import QueuePolicy


@pytest.mark.parametrize("name", generate.MAKERS)
def test_a_page_is_current(name: str) -> None:
    """What is generated on the page is what the code gives now: `nox -s docs -- --write`."""
    page = generate.PAGES[name].read_text("utf-8")

    assert generate.renewed(page) == page


@pytest.mark.parametrize("group", [group for group, _ in generate.groups()])
def test_every_setting_has_a_meaning_and_every_number_a_reason(group: str) -> None:
    """Each setting has a docstring; one with a number for a default says why that one."""
    cls = dict(generate.groups())[group]
    docs = generate.own_docs(cls)
    for field in attrs.fields(cls):
        if attrs.has(type(getattr(cls(), field.name))):
            continue
        meaning, why = generate.meaning(docs.get(field.name, ""))
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
    expected = sum(rules(cls) for _, cls in generate.groups()) + rules(QueuePolicy)

    assert expected == len({generate.refusal(example) for example in generate.REFUSED_TOGETHER})


@pytest.mark.parametrize("cls", generate.error_classes())
def test_every_error_says_its_cause_and_what_to_do(cls: type[Exception]) -> None:
    """An error's docstring has what it is, its cause, and what to do: a sentence each at least."""
    for part in generate.error_docs(cls):
        assert re.fullmatch(r"\S.{20,}\.", part), part


def test_the_errors_are_those_that_the_code_raises() -> None:
    """Every public error that is no mere kind of errors has its section."""
    page = generate.PAGES["errors"].read_text("utf-8")
    kinds = {"InventoryError", "TransientError", "LocalRefusal", "PermanentError"}
    public = {
        name
        for name in shelfport.__all__
        if inspect.isclass(cls := getattr(shelfport, name)) and issubclass(cls, Exception)
    }

    assert public - kinds == set(re.findall(r"^### (\w+)$", page, re.MULTILINE))


def test_the_api_page_has_every_public_name_once() -> None:
    """docs/api.md names what `shelfport` exports: all of it, nothing else, nothing twice."""
    page = (generate.DOCS / "api.md").read_text("utf-8")
    names = re.findall(r"^\.\. auto\w+:: (\w+)$", page, re.MULTILINE)

    assert sorted(shelfport.__all__) == sorted(names)


@pytest.mark.parametrize("name", shelfport.__all__)
def test_public_names_are_worth_reading_about(name: str) -> None:
    """A public class or function has a docstring of a sentence; so has each public method of it."""
    thing = getattr(shelfport, name)
    if not (inspect.isclass(thing) or inspect.isfunction(thing)):
        return
    parts: list[object] = [thing]
    if inspect.isclass(thing) and not issubclass(thing, Enum):
        parts += [
            value.fget if isinstance(value, property) else value
            for key, value in vars(thing).items()
            if not key.startswith("_")
            and (inspect.isfunction(value) or isinstance(value, property))
        ]
    for part in parts:
        text = inspect.getdoc(part) or ""
        assert 20 <= len(text), part
        assert text.splitlines()[0][-1] in ".:", part
