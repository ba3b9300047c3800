"""Where each public name stands on the pages, and single-backtick names as links to it."""

import inspect
import re
from collections.abc import Mapping
from functools import cache

from docs.generate.members import methods
from docs.generate.public import HOMES, MODULES, own_names, page_of, thing

HERE = "\0"
"""Stands in place of the backticks of a name that is described here, and is no link."""
_SPAN = re.compile(r"(?<![`\w\[])`([A-Za-z_.][\w.]*)(\(\))?`(?!`)")
_PAGE = re.compile(r"(?<![\w/(])docs/([\w/-]+\.md)\b")
_FENCE = re.compile(r"(^```.*?^```)", re.DOTALL | re.MULTILINE)


def headings(home: str) -> list[str]:
    """The headings of a module's page, in their order: names, and methods of classes."""
    found = [home]
    for name in own_names(home):
        found.append(name)
        described = thing(home, name)
        if inspect.isclass(described):
            found += [f"{name}.{method.name}" for method in methods(described)]
    return found


@cache
def places() -> Mapping[str, tuple[str, str]]:
    """Page and anchor of each heading; a forge numbers headings that differ in case alone."""
    found: dict[str, tuple[str, str]] = {}
    for home in MODULES:
        taken: set[str] = set()
        for heading in headings(home):
            slug = anchor = re.sub(r"[^\w\- ]", "", heading.lower())
            number = 0
            while anchor in taken:
                number += 1
                anchor = f"{slug}-{number}"
            taken.add(anchor)
            found[heading] = (page_of(home), "" if heading == home else anchor)
    return found


def target(name: str, *, page: str, scope: str = "") -> str | None:
    """Where a link to the name leads, from `page`; None if the name is not public.

    Args:
        name: as the docstring has it: `Name`, `Name.member`, `member` of the scope, or a module.
        page: the page that the link is on.
        scope: the public name whose description it is in.
    """
    plain = f"shelfport{name}" if name.startswith(".") else name
    if plain.startswith("shelfport.") and plain not in MODULES:
        module, _, last = plain.rpartition(".")
        plain = last if module in MODULES else plain
    own = f"{scope}.{plain}"
    owner = plain.partition(".")[0]
    for known in (own, plain, owner if owner in HOMES else ""):
        if known in places() and known != scope:
            file, anchor = places()[known]
            there = "" if file == page else file
            return f"{there}#{anchor}" if anchor else file
    return None


def here(name: str) -> str:
    """The name as a span of code that `linked` leaves as it is."""
    return f"{HERE}{name}{HERE}"


def linked(text: str, *, page: str, scope: str = "", up: str = "") -> str:
    """The text with its single-backtick names as links, but for blocks of code.

    Args:
        text: Markdown.
        page: the page of docs/api that it is on; none for a page elsewhere.
        scope: the public name whose description it is.
        up: the way from the page to docs/api, for a page elsewhere.
    """

    def link(found: re.Match[str]) -> str:
        where = target(found.group(1), page=page, scope=scope)
        if where is None or where == page:
            return found.group()
        return f"[{found.group()}]({up}{where})"

    def in_prose(part: str) -> str:
        return _PAGE.sub(r"[\1](../\1)", _SPAN.sub(link, part))

    parts = (part if part.startswith("```") else in_prose(part) for part in _FENCE.split(text))
    return "".join(parts).replace(HERE, "`")
