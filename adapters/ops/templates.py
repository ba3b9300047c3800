"""Templates and static files of the pages: style, script and icon, all from this package."""

from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from jinja2.loaders import BaseLoader, ChoiceLoader

from shelfport.adapters.ops.formatting import (
    clock_time,
    format_age,
    format_count,
    format_duration,
    iso,
)
from shelfport.adapters.ops.request import OpsReply

SECURITY: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
PAGE: Final[Mapping[str, str]] = {
    **SECURITY,
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
}

ASSETS: Final = {
    "/style.css": "text/css; charset=utf-8",
    "/live.js": "text/javascript; charset=utf-8",
    "/icon.svg": "image/svg+xml",
}
"""The content types of the files, by address."""


@cache
def _asset(path: str) -> bytes:
    return files(__package__).joinpath("assets", path.removeprefix("/")).read_bytes()


@cache
def edition() -> str:
    """A name of the current files, so that a browser does not use older ones."""
    return sha256(b"".join(map(_asset, ASSETS))).hexdigest()[:12]


def asset_reply(path: str) -> OpsReply | None:
    """The file at `path`; None if there is no such file."""
    kind = ASSETS.get(path)
    if kind is None:
        return None
    # Its address changes with its content.
    headers = {**SECURITY, "Content-Type": kind, "Cache-Control": "max-age=31536000, immutable"}
    return OpsReply(200, headers, _asset(path))


def templates(*packages: str) -> Environment:
    """The templates of `packages`, and then of the ops page. Every value is escaped."""
    loaders: list[BaseLoader] = [
        PackageLoader(package, "assets") for package in (*packages, __package__ or "")
    ]
    environment = Environment(
        loader=ChoiceLoader(loaders),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        age=format_age, clock=clock_time, count=format_count, duration=format_duration, iso=iso
    )
    environment.globals["edition"] = edition()
    return environment


def page_reply(
    text: str, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> OpsReply:
    """A reply with a page of HTML."""
    return OpsReply(status, {**PAGE, **(headers or {})}, text.encode())


def fragments_of(
    environment: Environment, template: str, names: tuple[str, ...], view: Any
) -> dict[str, str]:
    """The macros `names` of `template`, each rendered with `view`."""
    module = environment.get_template(template).module
    return {name: str(getattr(module, name)(view)) for name in names}
