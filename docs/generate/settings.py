"""docs/settings.md: a table for each group of settings."""

import inspect
import re
from collections.abc import Iterator
from enum import Enum
from typing import Any

import attrs
from typed_settings import Secret

from docs.generate.docstrings import code, joined, table
from docs.generate.refused import refused_together
from docs.generate.source import own_docs
from shelfport import Settings

ABSURD = (-1, float("-inf"), object(), Secret(""))
"""Values that a validator refuses with a sentence that says what is allowed."""


def groups() -> Iterator[tuple[str, type]]:
    """`Settings` under the name "", and each of its groups of options under its own."""
    yield "", Settings
    for field in attrs.fields(attrs.resolve_types(Settings)):
        if field.type is not None and attrs.has(field.type):
            yield field.name, field.type


def settings() -> str:
    """A table for each group of settings, and what is refused together."""
    lines: list[str] = []
    for group, cls in groups():
        lines += [f"## {group or 'General'}", ""]
        if group:
            lines += [joined(inspect.getdoc(cls) or ""), ""]
        lines += table(
            "setting",
            "default",
            "allowed",
            "meaning, and *why this default*",
            rows=[*rows_of(group, cls)],
        )
    return "\n".join([*lines, *refused_together(dict(groups()))]).rstrip()


def rows_of(group: str, cls: type) -> Iterator[list[str]]:
    """The rows of a group: name, default, what is allowed, what it means."""
    docs = own_docs(cls)
    for field in attrs.fields(attrs.resolve_types(cls)):
        if field.type is not None and attrs.has(field.type):
            continue
        what, why = meaning(docs.get(field.name, ""))
        name = f"{group}.{field.name}" if group else field.name
        yield [
            code(name),
            shown(getattr(cls(), field.name)),
            allowed(cls, field),
            f"{what} *{why}*" if why else what,
        ]


def meaning(text: str) -> tuple[str, str]:
    """A setting's docstring in two: what it means, and why its default is what it is."""
    head, _, why = text.partition("\n\nWhy: ")
    why = joined(why)
    return joined(head), why[:1].upper() + why[1:]


def allowed(cls: type, field: "attrs.Attribute[Any]") -> str:
    """What the field's validator says that a value must be; its type where it says nothing."""
    default = getattr(cls(), field.name)
    if isinstance(default, Enum):
        return f"one of {', '.join(str(member.value) for member in type(default))}"
    if field.validator is not None:
        for absurd in ABSURD:
            rule = _rule(cls, field, absurd)
            if rule is not None:
                return f"empty, or {rule}" if field.default == "" else rule
    if "Secret" in str(field.type):
        return "text, kept as a secret"
    return "true or false" if field.type is bool else "text"


def _rule(cls: type, field: "attrs.Attribute[Any]", absurd: object) -> str | None:
    """The rule in the validator's sentence about an absurd value, if it has one."""
    try:
        # attrs wants an instance, which these validators do not look at.
        field.validator(cls, field, absurd)  # type: ignore[misc]  # asked by `allowed`
    except (ValueError, TypeError, AttributeError) as refusal:
        # attrs' own validators put the attribute, the type and the value behind their sentence.
        found = re.search(r"must (?:be|(begin with)) (.+)", str(refusal.args[0]))
        if found is None or re.match(r"an? (int|number)\b|<class", found.group(2)):
            return None
        members = re.sub(r"\b\w+\.(?=[A-Z_]+\b)", "", found.group(2))
        rule = re.sub(r"\d{5,}|\d[\d.]*e\+\d+", lambda n: f"{float(n.group()):,.0f}", members)
        rule = re.sub(r"'([^']+)'", r"`\1`", rule)
        return f"text that begins with {rule}" if found.group(1) else rule
    return None


def shown(value: object) -> str:
    """A default as the page shows it; nothing for None."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, bool):
        value = str(value).lower()
    if value is None:
        return ""
    return code('""' if value == "" else str(value))
