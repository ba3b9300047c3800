"""The parts of the pages that say what the code says: made from the code, kept current by a test.

Run by `nox -s docs -- --write`. A page keeps its prose; between its two marks stands what this
makes. Meanings and reasons are the docstrings of `Settings` and its options, and of the errors.
"""

import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from enum import Enum
from itertools import pairwise
from pathlib import Path
from typing import Any

import attrs

import shelfport
from shelfport import InventoryError, LocalRefusal, Settings, UnavailableReason

DOCS = Path(__file__).parent
MARKS = re.compile(
    r"(<!-- generated: (\w+).*?-->\n).*?(\n<!-- end of what is generated -->)", re.DOTALL
)

REFUSED_TOGETHER: tuple[dict[str, dict[str, Any]], ...] = (
    {"cache": {"ttl": 10, "stale_while_revalidate": 5}},
    {"": {"deadline": 0.2}},
    {"": {"deadline": 0.8}},
    {"breaker": {"half_open_timeout": 0.5}},
    {"shared": {"timeout": 2}},
    {"retry": {"base_delay": 2}},
    {"initial": {"policy": shelfport.InitializationPolicy.RETRY_LATER}},
    {"queue": {"base_delay": 900}},
    {"queue": {"lease": 30}},
    {"events": {"base_delay": 6}},
    {"events": {"ack_timeout": 10}},
    {"tls": {"key_file": "shop.key"}},
    {"auth": {"secret_file": "token"}},
    {"auth": {"scheme": "bearer", "secret": "s3cret", "secret_file": "token"}},
    {"auth": {"scheme": "client_credentials", "secret": "s3cret"}},
    {
        "auth": {
            "scheme": "client_credentials",
            "client_id": "shop",
            "token_url": "https://auth.internal/token",
        }
    },
    {"": {"token": "t0ken"}, "auth": {"scheme": "api_key", "secret": "s3cret"}},
    {"": {"adapter": "http"}},
    {"": {"base_url": "http://inventory.internal"}},
)
"""Settings that are fine alone and make no sense with the others: one example of each rule."""


KINDS = (shelfport.TransientError, LocalRefusal, shelfport.PermanentError, InventoryError)
"""Errors that are never raised themselves, in the order of the page."""


def groups() -> Iterator[tuple[str, type]]:
    """`Settings` under the name "", and each of its groups of options under its own."""
    yield "", Settings
    for field in attrs.fields(attrs.resolve_types(Settings)):
        if field.type is not None and attrs.has(field.type):
            yield field.name, field.type


def own_docs(cls: type) -> dict[str, str]:
    """The docstring under each attribute of `cls`, cleaned as Python cleans docstrings."""
    [body] = [
        node.body
        for node in ast.parse(Path(inspect.getsourcefile(cls) or "").read_text("utf-8")).body
        if isinstance(node, ast.ClassDef) and node.name == cls.__name__
    ]
    found: dict[str, str] = {}
    for statement, following in pairwise(body):
        match statement, following:
            case (
                (ast.AnnAssign(target=ast.Name(name)) | ast.Assign(targets=[ast.Name(name)])),
                ast.Expr(ast.Constant(str(text))),
            ):
                found[name] = inspect.cleandoc(text)
            case _:
                pass
    return found


def meaning(text: str) -> tuple[str, str]:
    """A setting's docstring in two: what it means, and why its default is what it is."""
    head, _, why = text.partition("\n\nWhy: ")
    why = " ".join(why.split())
    return " ".join(head.split()), why[:1].upper() + why[1:]


def allowed(cls: type, field: "attrs.Attribute[Any]") -> str:
    """What the field's own validator says that a value must be; its type where it has none."""
    for absurd in (-1, float("-inf"), object()):
        if field.validator is None:
            break
        try:
            # attrs wants an instance, which our validators do not look at.
            field.validator(cls, field, absurd)
        except (ValueError, TypeError, AttributeError) as refusal:
            found = re.search(r"must (?:be|begin with) (.+)", str(refusal))
            if found and not re.match(r"an? (int|number)\b", found.group(1)):
                members = re.sub(r"\b\w+\.(?=[A-Z_]+\b)", "", found.group(1))
                return re.sub(
                    r"\d{5,}|\d[\d.]*e\+\d+", lambda n: f"{float(n.group()):,.0f}", members
                )
    kind = str(field.type).removeprefix("<class '").removesuffix("'>")
    if "Secret" in kind:
        return "text, kept as a secret"
    return {"bool": "true or false"}.get(kind, "text")


def shown(value: object) -> str:
    """A default as the page shows it."""
    if isinstance(value, Enum):
        value = value.value
    if value is None:
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`" if value != "" else '`""'


def cell(text: str) -> str:
    """Text for a cell of a table."""
    return text.replace("|", "\\|")


def settings() -> str:
    """A table for each group of settings, and what is refused together."""
    lines: list[str] = []
    for group, cls in groups():
        about = (inspect.getdoc(cls) or "").replace("\n", " ").split("  ")[0]
        lines += [f"## {group or 'General'}", ""]
        if group:
            lines += [about, ""]
        lines += [
            "| setting | default | allowed | meaning, and *why this default* |",
            "|---|---|---|---|",
        ]
        docs = own_docs(cls)
        for field in attrs.fields(attrs.resolve_types(cls)):
            if attrs.has(field.type):
                continue
            what, why = meaning(docs.get(field.name, ""))
            default = getattr(cls(), field.name)
            key = f"{group}.{field.name}" if group else field.name
            says = cell(f"{what} *{why}*" if why else what)
            lines.append(f"| `{key}` | {shown(default)} | {cell(allowed(cls, field))} | {says} |")
        lines.append("")
    lines += [
        "## Refused together",
        "",
        "Some values make no sense with others; then nothing starts, and the sentence says why.",
        "",
        "| for example | the sentence |",
        "|---|---|",
    ]
    for example in REFUSED_TOGETHER:
        given = ", ".join(
            f"`{group}.{name} = {toml(value)}`".replace("`.", "`")
            for group, values in example.items()
            for name, value in values.items()
        )
        lines.append(f"| {given} | {cell(refusal(example))} |")
    return "\n".join(lines)


def toml(value: object) -> str:
    """A value as a settings file spells it."""
    if isinstance(value, Enum):
        value = value.value
    return f'"{value}"' if isinstance(value, str) else str(value)


def refusal(example: dict[str, dict[str, Any]]) -> str:
    """The sentence with which these settings are refused."""
    kinds = dict(groups())
    parts: dict[str, Any] = {}
    for group, values in sorted(example.items(), reverse=True):
        try:
            if group:
                parts[group] = kinds[group](**values)
            else:
                Settings(**parts, **values)
        except ValueError as refused:
            return f"{group}.{refused}" if group else str(refused)
    try:
        Settings(**parts)
    except ValueError as refused:
        return str(refused)
    raise AssertionError(f"{example} is not refused: take it off the list")


def errors() -> str:
    """A section for each error: what it is, what it says of itself, its cause, what to do."""
    lines: list[str] = []
    for cls in error_classes():
        about, cause, remedy = error_docs(cls)
        lines += [f"### {cls.__name__}", "", about, ""]
        if issubclass(cls, InventoryError):
            parent = cls.__bases__[0]
            lines += [
                f"`{parent.__name__}` · retryable: {'yes' if cls.retryable else 'no'} · arrived: "
                f"{cls.reached_service.value}"
                + (f" · a page's reason: `{cls.reason.value}`" if "reason" in vars(cls) else ""),
                "",
            ]
        else:
            lines += [f"`{cls.__bases__[0].__name__}`", ""]
        lines += [f"- **Cause:** {cause}", f"- **What to do:** {remedy}", ""]
    lines += [
        "## Reasons of a page",
        "",
        "What `Unavailable.reason` says; a page shows the same words for all.",
        "",
        "| reason | meaning | comes from |",
        "|---|---|---|",
    ]
    docs = own_docs(UnavailableReason)
    for reason in UnavailableReason:
        of = ", ".join(
            f"[`{cls.__name__}`](#{cls.__name__.lower()})"
            for cls in error_classes()
            if issubclass(cls, InventoryError) and vars(cls).get("reason") is reason
        )
        lines.append(
            f"| `{reason.value}` | {docs[reason.name]} | {of or 'an answer, and no error'} |"
        )
    return "\n".join(lines)


def error_classes() -> list[type[Exception]]:
    """The public errors that are raised: all but the mere kinds of them."""
    names = [getattr(shelfport, name) for name in shelfport.__all__]
    public = [cls for cls in names if isinstance(cls, type) and issubclass(cls, Exception)]
    raised = [cls for cls in public if cls not in KINDS]
    return sorted(raised, key=lambda cls: (_kind(cls), _line(cls)))


def _kind(cls: type[Exception]) -> int:
    return next((n for n, kind in enumerate(KINDS) if issubclass(cls, kind)), len(KINDS))


def _line(cls: type[Exception]) -> int:
    return inspect.getsourcelines(cls)[1]


def error_docs(cls: type[Exception]) -> tuple[str, str, str]:
    """What the error is, its cause, and what to do: its docstring's three parts."""
    text = inspect.cleandoc(cls.__doc__ or "")
    about, _, rest = text.partition("\n\nCause: ")
    cause, _, remedy = rest.partition("\n\nWhat to do: ")
    return " ".join(about.split()), " ".join(cause.split()), " ".join(remedy.split())


MAKERS: dict[str, Callable[[], str]] = {"settings": settings, "errors": errors}
PAGES = {name: DOCS / f"{name}.md" for name in MAKERS}


def renewed(page: str) -> str:
    """The page's text with what is generated made anew."""
    text, count = MARKS.subn(
        lambda found: f"{found.group(1)}\n{MAKERS[found.group(2)]()}\n{found.group(3)}", page
    )
    if count != 1:
        raise ValueError(f"a page has {count} generated parts: it must have one")
    return text


def main() -> None:
    """Write what is not current."""
    for page in PAGES.values():
        old = page.read_text("utf-8")
        new = renewed(old)
        if new != old:
            page.write_text(new, "utf-8")
            sys.stdout.write(f"{page.relative_to(DOCS.parent)} written\n")


if __name__ == "__main__":
    main()
