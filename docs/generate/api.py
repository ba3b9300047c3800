"""docs/api: a page for each public module, and their index."""

import inspect
from collections.abc import Iterator
from enum import Enum
from typing import Any, get_args

import attrs

from docs.generate import members, public, signatures, source
from docs.generate.docstrings import Docstring, code, joined, markdown, parse, summary, table
from docs.generate.errors import parts_of, raised
from docs.generate.links import here, linked, places
from docs.generate.settings import groups

NOTE = "<!-- This page is generated from the code: `nox -s docs -- --write`. -->"
INDEX = f"""{NOTE}

# API

Every public name, by the module that it is imported from. What is not on these pages is internal
and may move. The package is typed (`py.typed`). Unions are closed: `match` and a type checker see
a case that is missing.

A name that several modules export is described once, on the page of the first of them; the others
link to it.
"""


def index() -> str:
    """docs/api/README.md."""
    rows = [
        [f"[`{name}`]({public.page_of(name)})", _about(name), str(len(public.module(name).__all__))]
        for name in public.MODULES
    ]
    return "\n".join([INDEX, *table("module", "what it has", "names", rows=rows)])


def page(home: str) -> str:
    """The page of one public module."""
    text = inspect.cleandoc(public.module(home).__doc__ or "")
    rows = [
        [f"[`{name}`]({_place(home, name)})", _summary_of(public.HOMES[name], name)]
        for name in public.module(home).__all__
    ]
    lines = [
        NOTE,
        "",
        f"# {here(home)}",
        "",
        markdown(text),
        "",
        *table("name", "what it is", rows=rows),
    ]
    sections = (
        _linked("\n".join(described(home, name)), home, name) for name in public.own_names(home)
    )
    return "\n".join([_linked("\n".join(lines), home), *sections])


def _about(name: str) -> str:
    text = summary(inspect.cleandoc(public.module(name).__doc__ or ""))
    text = text.removeprefix("shelfport: ")
    return linked(text[:1].upper() + text[1:], page="README.md")


def _place(home: str, name: str) -> str:
    page_, anchor = places()[name]
    return f"#{anchor}" if page_ == public.page_of(home) else f"{page_}#{anchor}"


def _linked(text: str, home: str, scope: str = "") -> str:
    return linked(text, page=public.page_of(home), scope=scope)


def _summary_of(home: str, name: str) -> str:
    return summary(docs_of(home, name))


def docs_of(home: str, name: str) -> str:
    """The docstring of a public name, also of a union or a constant."""
    thing = public.thing(home, name)
    if inspect.isclass(thing) or inspect.isfunction(thing):
        return inspect.cleandoc(thing.__doc__ or "")
    return source.assignment(name, thing)[1]


def described(home: str, name: str) -> Iterator[str]:
    """The section of a public name."""
    thing = public.thing(home, name)
    yield from (f"## {here(name)}", "")
    if inspect.isclass(thing):
        yield from _class(thing)
    elif inspect.isfunction(thing):
        yield from _fenced(signatures.function(source.function_node(thing)))
        yield from _docstring(parse(docs_of(home, name)))
    else:
        yield from _value(name, thing)


def _fenced(text: str) -> list[str]:
    return ["```py", text, "```", ""]


def _docstring(docs: Docstring) -> Iterator[str]:
    if docs.body:
        yield from (markdown(docs.body), "")
    for title, items in (("Parameters", docs.args), ("Raises", docs.raises)):
        if title == "Raises" and docs.returns:
            yield from (f"**Returns:** {docs.returns}", "")
        name_of = here if title == "Parameters" else code
        if items:
            yield from (f"**{title}**", "", *(f"- {name_of(n)}: {text}" for n, text in items), "")


def _class(cls: type) -> Iterator[str]:
    yield from _fenced(signatures.class_(cls))
    docs = parse(inspect.cleandoc(cls.__doc__ or ""))
    if cls in raised():
        docs = docs._replace(body=parts_of(cls)[0])
    yield from _docstring(docs)
    for base in members.public_bases(cls):
        yield from (f"Inherits from `{base.__name__}`.", "")
    if cls in raised():
        yield from (f"Cause, and what to do: [errors](../errors.md#{cls.__name__.lower()}).", "")
    if issubclass(cls, Enum):
        rows = [
            [here(member.name), code(member.default), joined(member.text)]
            for member in members.members(cls)
        ]
        yield from table("member", "value", "meaning", rows=rows)
    yield from _attributes(cls)
    yield from _cases(cls)
    for method in members.methods(cls):
        yield from (f"### {here(f'{cls.__name__}.{method.name}')}", "")
        yield from _fenced(signatures.function(method.node))
        yield from _docstring(parse(inspect.cleandoc(getattr(cls, method.name).__doc__ or "")))


def _attributes(cls: type) -> Iterator[str]:
    found = members.attributes(cls)
    settings = {kind: group for group, kind in groups()}
    if cls in settings:
        group = settings[cls] or "general"
        yield from (f"Each field is a setting: [meanings and bounds](../settings.md#{group}).", "")
        fields = {field.name for field in attrs.fields(cls)}
        found = [attribute for attribute in found if attribute.name not in fields]
    rows = [[here(a.name), code(a.type), code(a.default), _meaning(a.text)] for a in found]
    yield from table("attribute", "type", "default", "meaning", rows=rows)


def _meaning(text: str) -> str:
    docs = parse(text)
    raises = " ".join(f"Raises `{name}`: {why}" for name, why in docs.raises)
    return joined(f"{docs.body} {raises}")


def _cases(cls: type) -> Iterator[str]:
    rows = [[here(name), joined(text)] for name, text in members.cases(cls)]
    yield from table("case", "obligation", rows=rows)


def _value(name: str, thing: Any) -> Iterator[str]:
    """A union, another alias, a new type, or a constant."""
    node, docs = source.assignment(name, thing)
    yield from _fenced(signatures.assignment(node))
    if docs:
        yield from (markdown(docs), "")
    options = [kind for kind in get_args(thing) if inspect.isclass(kind) and kind in public.CLASSES]
    if options and len(options) == len(get_args(thing)):
        kinds = [
            f"- `{kind.__name__}`: {summary(inspect.cleandoc(kind.__doc__ or ''))}"
            for kind in options
        ]
        yield from ("One of:", "", *kinds, "")
