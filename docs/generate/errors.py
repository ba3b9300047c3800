"""docs/errors.md: a section for each error, and the reasons of a page."""

import inspect
from functools import cache

import shelfport.errors
from docs.generate.docstrings import joined, table
from docs.generate.source import own_docs
from shelfport.domain.model import (
    InventoryError,
    LocalRefusal,
    PermanentError,
    TransientError,
    UnavailableReason,
)

KINDS = (TransientError, LocalRefusal, PermanentError, InventoryError)
"""Errors that are never raised themselves, in the order of the page."""


def errors() -> str:
    """A section for each error: what it is, what it says of itself, its cause, what to do."""
    lines: list[str] = []
    for cls in raised():
        about, cause, remedy = (joined(part) for part in parts_of(cls))
        lines += [f"### {cls.__name__}", "", about, "", _facts(cls), ""]
        lines += [f"- **Cause:** {cause}", f"- **What to do:** {remedy}", ""]
    lines += [
        "## Reasons of a page",
        "",
        "`Unavailable.reason` has one of these values. A page shows the same words for all.",
        "",
        *table("reason", "meaning", "comes from", rows=[*map(_reason, UnavailableReason)]),
    ]
    return "\n".join(lines).rstrip()


def _facts(cls: type[Exception]) -> str:
    parent = f"`{cls.__bases__[0].__name__}`"
    if not issubclass(cls, InventoryError):
        return parent
    reason = f" · a page's reason: `{cls.reason.value}`" if "reason" in vars(cls) else ""
    return (
        f"{parent} · scope: `{cls.scope.name}` · retryable: {'yes' if cls.retryable else 'no'} · "
        f"arrived: {cls.reached_service.value}{reason}"
    )


def _reason(reason: UnavailableReason) -> list[str]:
    of = ", ".join(
        f"[`{cls.__name__}`](#{cls.__name__.lower()})"
        for cls in raised()
        if issubclass(cls, InventoryError) and vars(cls).get("reason") is reason
    )
    meaning = joined(own_docs(UnavailableReason)[reason.name])
    return [f"`{reason.value}`", meaning, of or "an answer, not an error"]


@cache
def raised() -> list[type[Exception]]:
    """The public errors that are raised: all but the mere kinds of them."""
    names = [getattr(shelfport.errors, name) for name in shelfport.errors.__all__]
    public = [cls for cls in names if inspect.isclass(cls) and issubclass(cls, Exception)]
    return sorted((cls for cls in public if cls not in KINDS), key=lambda c: (_kind(c), _line(c)))


def _kind(cls: type[Exception]) -> int:
    return next((n for n, kind in enumerate(KINDS) if issubclass(cls, kind)), len(KINDS))


def _line(cls: type[Exception]) -> tuple[str, int]:
    return cls.__module__, inspect.getsourcelines(cls)[1]


def parts_of(cls: type[Exception]) -> tuple[str, str, str]:
    """What the error is, its cause, and what to do: its docstring's three parts."""
    text = inspect.cleandoc(cls.__doc__ or "")
    about, _, rest = text.partition("\n\nCause: ")
    cause, _, remedy = rest.partition("\n\nWhat to do: ")
    return about, cause, remedy
