"""What is fuzzed: each parser of foreign input, what it is fed, and its outcomes.

A new one is a row in `TARGETS`. A parser gives the class of its outcome, one of a few names;
whatever it raises beside what it promises goes through, and is a finding.
"""

import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import attrs

from shelfport import Call, Settings, SettingsError
from shelfport.adapters.http.decode import (
    Malformed,
    decode_current,
    decode_item,
    decode_level,
    decode_levels,
    decode_problem,
)
from shelfport.adapters.http.translate import retry_after_seconds
from shelfport.adapters.settings_loader import load_with_origins

NOW = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)
_LEVEL: Final = {
    "productVariantId": "c9bf9e57-1685-4c89-bafb-ff5af830be8a",
    "availableQuantity": 7,
    "status": "IN_STOCK",
    "updatedAt": "2026-03-14T08:59:00Z",
}
_ITEM: Final = _LEVEL | {"id": "2f1c6d0e-8a4b-4f9d-9c57-0d6f3f1e2b7a", "quantity": 9}
_PROBLEM: Final = {
    "type": "https://inventory.example/problems/record-exists",
    "title": "Conflict",
    "status": 409,
    "detail": "it is there",
    "current": _LEVEL,
}
_SETTINGS: Final = """[shelfport]
base_url = "https://inventory.internal/api"
deadline = 2.5
[shelfport.auth]
scheme = "client_credentials"
token_url = "https://id.example/token"
client_id = "shop"
secret = "s3cret"
[shelfport.tls]
minimum = "1.3"
[shelfport.cache]
fresh_for = 5
"""


@attrs.frozen
class Target:
    """One parser."""

    name: str
    seeds: Sequence[Any]
    """Good input: a JSON document to damage in its values too, or text, or bytes."""
    parse: Callable[[bytes], str]


def _refusing(decode: Callable[[bytes], object]) -> Callable[[bytes], str]:
    def parse(content: bytes) -> str:
        try:
            decode(content)
        except Malformed:
            return "refused"
        return "read"

    return parse


def _levels(content: bytes) -> str:
    try:
        levels = decode_levels(content, NOW)
    except Malformed:
        return "refused"
    return "partly read" if levels.malformed or levels.nameless else "read"


def _problem(content: bytes) -> str:
    problem = decode_problem(content)
    try:
        decode_current(problem, NOW)
    except Malformed:
        return "about:blank" if problem.type == "about:blank" else "without a level"
    return "with its level"


def _retry_after(content: bytes) -> str:
    seconds = retry_after_seconds(content.decode("utf-8", "surrogateescape"), NOW)
    if seconds is None:
        return "ignored"
    assert 0 <= seconds < float("inf")
    return "seconds"


def _correlation_id(content: bytes) -> str:
    clean = Call(correlation_id=content.decode("utf-8", "surrogateescape")).correlation_id
    if clean is None:
        return "dropped"
    assert 0 < len(clean) <= 128
    assert clean.isascii()
    assert clean.isprintable()
    assert " " not in clean
    return "kept" if clean.encode() == content else "cleaned"


def _traceparent(content: bytes) -> str:
    kept = Call(traceparent=content.decode("utf-8", "surrogateescape")).traceparent
    if kept is None:
        return "dropped"
    assert len(kept) == 55
    assert kept.isascii()
    return "kept"


_FILE = Path(tempfile.mkdtemp(prefix="shelfport-fuzz-")) / "settings.toml"


def _settings(content: bytes) -> str:
    _FILE.write_bytes(content)
    try:
        loaded = load_with_origins(_FILE)
    except SettingsError:
        return "refused"
    assert isinstance(loaded.settings, Settings)
    assert "s3cret" not in repr(loaded)
    return "read"


def _addresses(content: bytes) -> str:
    text = content.decode("utf-8", "surrogateescape")
    try:
        settings = Settings(base_url=text)
    except ValueError:
        return "refused"
    assert settings.base_url is not None
    assert settings.base_url.isprintable()
    return "read"


TARGETS: Final = (
    Target("levels", [[_LEVEL], [_LEVEL, _LEVEL | {"availableQuantity": 0}]], _levels),
    Target("level", [_LEVEL], _refusing(lambda body: decode_level(body, NOW))),
    Target("item", [_ITEM], _refusing(decode_item)),
    Target("problem", [_PROBLEM], _problem),
    Target("retry-after", ["120", "Wed, 21 Oct 2026 07:28:00 GMT", "Wed, 21-Oct-26"], _retry_after),
    Target("correlation-id", ["c9bf9e57-1685", "a b", "x" * 130], _correlation_id),
    Target(
        "traceparent",
        ["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],
        _traceparent,
    ),
    Target("settings", [_SETTINGS], _settings),
    Target("address", ["https://inventory.internal:8443/api", "http://[::1]:80"], _addresses),
)
