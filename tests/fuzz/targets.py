"""What is fuzzed: each parser of foreign input, what it is fed, and its outcomes.

A new one is a row in `TARGETS`. A parser gives the class of its outcome, one of a few names;
any other exception than those it documents is a finding.
"""

import json
import tempfile
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import attrs

from shelfport import (
    InventoryEvent,
    InventoryLowStock,
    Settings,
    SettingsError,
)
from shelfport.adapters.config.loader import load_with_origins
from shelfport.adapters.events.decode import CLOCK_SKEW, Delivered, MalformedEvent, decode_event
from shelfport.adapters.http.decode import (
    Levels,
    Malformed,
    decode_current,
    decode_item,
    decode_level,
    decode_levels,
    decode_problem,
)
from shelfport.adapters.http.errors import retry_after_seconds
from shelfport.domain.model.variant import is_variant_id
from shelfport.ports import Call
from tests.properties.lenient_model import NoJson, must_not_exceed, told_by, value_of

NOW = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)
_LEVEL: Final = {
    "productVariantId": "c9bf9e57-1685-4c89-bafb-ff5af830be8a",
    "availableQuantity": 7,
    "status": "IN_STOCK",
    "updatedAt": "2026-03-14T08:59:00Z",
}
_ODD: Final = _LEVEL | {
    "availableQuantity": -3,
    "status": "BACKORDER",
    "updatedAt": "2026-03-14T08:59:00",
    "title": {"en": ["Sneaker", "\ud83d"]},
}
_ARRAYS: Final = [[_LEVEL], [_LEVEL, _LEVEL | {"availableQuantity": 2}], [_LEVEL, _ODD]]
_MARK: Final = b"\xef\xbb\xbf"
_ITEM: Final = _LEVEL | {"id": "2f1c6d0e-8a4b-4f9d-9c57-0d6f3f1e2b7a", "quantity": 9}
_PROBLEM: Final = {
    "type": "https://inventory.example/problems/record-exists",
    "title": "Conflict",
    "status": 409,
    "detail": "it is there",
    "current": _LEVEL,
}
_EVENT: Final = {
    "eventId": "7d9f3f0a-6d1e-4c53-8f0e-0a3f5f1f7c11",
    "productVariantId": "c9bf9e57-1685-4c89-bafb-ff5af830be8a",
    "timestamp": "2026-03-14T08:59:00Z",
}
_ENVELOPE: Final = {
    "specversion": "1.0",
    "id": "7d9f3f0a-6d1e-4c53-8f0e-0a3f5f1f7c11",
    "source": "/inventory",
    "type": "example.inventory.InventoryLowStockEvent",
    "datacontenttype": "application/json",
    "correlationid": "page-17",
}
_PACKED: Final = b64encode(json.dumps(_EVENT).encode()).decode()
_HEADERS: Final = """ce-specversion: 1.0
ce-type: example.inventory.InventoryLowStockEvent
content-type: application/json; charset=utf-8
x-correlation-id: page-17
traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
"""
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
ttl = 5
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
    """An answer about several variants: no level has more stock than a plain model sees."""
    try:
        levels = decode_levels(content)
    except Malformed:
        return "refused"
    _must_be_modest(levels, content)
    if levels.malformed or levels.unidentified:
        return "partly read"
    return "repaired" if levels.repairs else "read"


def _strict_levels(content: bytes) -> str:
    """The same, strictly: all that is read is read leniently, too, as the same."""
    try:
        levels = decode_levels(content, strict=True)
    except Malformed:
        return "refused"
    assert not levels.repairs
    assert levels.by_id.items() <= decode_levels(content).by_id.items()
    return "partly read" if levels.malformed or levels.unidentified else "read"


def _level(content: bytes) -> str:
    try:
        decoded = decode_level(content)
    except Malformed:
        return "refused"
    level = decoded.level
    _must_be_modest(Levels({level.variant_id: level}), b"[" + content.removeprefix(_MARK) + b"]")
    return "repaired" if decoded.repairs else "read"


def _must_be_modest(levels: Levels, content: bytes) -> None:
    with suppress(NoJson):  # what is ignored is not validated: more is read than JSON
        must_not_exceed(levels, told_by(value_of(content)))


def _problem(content: bytes) -> str:
    problem = decode_problem(content)
    try:
        decoded = decode_current(problem)
    except Malformed:
        return "about:blank" if problem.type == "about:blank" else "without a level"
    return "with a repaired level" if decoded.repairs else "with its level"


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


def _delivered(delivered: Delivered) -> str:
    event = delivered.event
    assert event.occurred_at <= NOW + CLOCK_SKEW
    assert event.occurred_at.utcoffset() == timedelta(0)
    assert event.event_id.int
    assert is_variant_id(event.variant_id)
    # As the subscriber hands it on: whatever came is clean in a call.
    call = Call(correlation_id=delivered.correlation_id, traceparent=delivered.traceparent)
    assert call.correlation_id is None or call.correlation_id.isprintable()
    return type(event).__name__


def _event(content: bytes) -> str:
    """A message without headers: of a channel of one type, or of one that carries several."""
    outcomes = [_decoded(content, kind) for kind in (InventoryLowStock, None)]
    return next((outcome for outcome in outcomes if outcome != "refused"), "refused")


def _event_headers(content: bytes) -> str:
    """Headers as a bus has them, beside a good body."""
    lines = content.decode("utf-8", "surrogateescape").split("\n")
    headers = {name: value for name, _, value in (line.partition(": ") for line in lines)}
    return _decoded(_BODY, None, headers)


def _decoded(
    content: bytes, kind: type[InventoryEvent] | None, headers: Mapping[str, str] | None = None
) -> str:
    try:
        delivered = decode_event(content, now=NOW, kind=kind, headers=headers)
    except MalformedEvent as error:
        reason = str(error)
    else:
        return _delivered(delivered)
    # It goes into a record and a dead letter.
    assert reason.isprintable(), reason
    return "refused"


_BODY: Final = json.dumps(_EVENT).encode()
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
    Target("levels", _ARRAYS, _levels),
    Target("strict-levels", _ARRAYS, _strict_levels),
    Target("level", [_LEVEL, _ODD], _level),
    Target("item", [_ITEM], _refusing(decode_item)),
    Target("problem", [_PROBLEM], _problem),
    Target("retry-after", ["120", "Wed, 21 Oct 2026 07:28:00 GMT", "Wed, 21-Oct-26"], _retry_after),
    Target("correlation-id", ["c9bf9e57-1685", "a b", "x" * 130], _correlation_id),
    Target(
        "traceparent",
        ["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],
        _traceparent,
    ),
    Target(
        "event",
        [_EVENT, _ENVELOPE | {"data": _EVENT}, _ENVELOPE | {"data_base64": _PACKED}],
        _event,
    ),
    Target("event-headers", [_HEADERS], _event_headers),
    Target("settings", [_SETTINGS], _settings),
    Target("address", ["https://inventory.internal:8443/api", "http://[::1]:80"], _addresses),
)
