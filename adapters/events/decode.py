"""Decodes a message into an event of the domain.

A message is bare JSON, or a CloudEvent 1.0 in structured or binary mode. Its type (a header, or the
CloudEvent's attribute) says which event it is; without a type, its channel does. Unknown members
and headers are ignored: the contract lets events grow.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import attrs
import msgspec

from shelfport.adapters.events import wire
from shelfport.domain.model import IdFormat, InventoryEvent, variant_id

CLOCK_SKEW: Final = timedelta(minutes=5)
"""How far ahead of this host's clock a `timestamp` may be; else the event is malformed."""

_UNREADABLE = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)
_PATH = re.compile(r" - at `(\$.*)`$")
_MISSING = re.compile(r"missing required field `(\w+)`")
# HTTP and NATS (ce-), Kafka (ce_), AMQP (both others): CloudEvents protocol bindings 1.0.
_PREFIX = re.compile(r"^(ce[-_]|cloudevents[:_])")
_CORRELATION = ("x-correlation-id", "correlationid")

_cloud_event = msgspec.json.Decoder(wire.CloudEvent)
_payload = msgspec.json.Decoder(wire.StockEventBody)
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])


class MalformedEvent(Exception):
    """A message is no event of the contract, so a retry cannot help.

    Its text is one sentence with the JSON path; the decoder's own error is the `__cause__`.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"the event is malformed at {path}: {reason}")
        self.path = path
        """The JSON path of the error, such as `$.timestamp`; `$` is the whole message, and
        `headers.NAME` a header."""
        self.reason = reason


@attrs.frozen(kw_only=True)
class Delivered:
    """An event, and the ids that its message carries."""

    event: InventoryEvent
    correlation_id: str | None = None
    """The id of the request that caused the event, if its sender gave it. Not cleaned yet: a `Call`
    does that, for `traceparent` too."""
    traceparent: str | None = None
    """The W3C trace context of that request."""


def decode_event(
    body: bytes,
    *,
    now: datetime,
    kind: type[InventoryEvent] | None = None,
    headers: Mapping[str, str] | None = None,
    content_type: str | None = None,
    id_format: IdFormat = IdFormat.UUID,
) -> Delivered:
    """Decode one message.

    Args:
        body: the body of the message.
        now: the current instant, aware; a `timestamp` more than five minutes after it is refused.
        kind: the event of the channel (see `wire.CHANNELS`); None where one channel carries
            several events, so that the message must have a type.
        headers: the message's headers, or application properties, under names of any case.
        content_type: the message's content type; None is taken from the headers, or the body.
        id_format: what the ids of variants look like.

    Raises:
        MalformedEvent: the message is no event of the contract.
    """
    named = _without_prefix(headers or {})
    media_type = _media_type(content_type or named.get("content-type"))
    if media_type == wire.CLOUDEVENT or (
        media_type in {"", wire.JSON} and _is_envelope(body, named)
    ):
        return _from_envelope(body, now, kind, id_format)
    if not _is_json(media_type):
        raise MalformedEvent("headers.content-type", f"{media_type!r} is not one JSON event")
    if "specversion" in named:
        _check_version(named["specversion"], "headers.specversion")
    return Delivered(
        event=_event(
            body, _kind_of(named.get(wire.TYPE), kind, "headers.type"), now, "$", id_format
        ),
        correlation_id=next((named[n] for n in _CORRELATION if n in named), None),
        traceparent=named.get("traceparent"),
    )


def _from_envelope(
    body: bytes, now: datetime, kind: type[InventoryEvent] | None, id_format: IdFormat
) -> Delivered:
    """A CloudEvent in structured mode: the event is its data."""
    try:
        envelope = _cloud_event.decode(body)
    except _UNREADABLE as error:
        raise _malformed(error, "$") from error
    _check_version(envelope.specversion, "$.specversion")
    if not _is_json(_media_type(envelope.datacontenttype)):
        raise MalformedEvent("$.datacontenttype", f"{envelope.datacontenttype!r} is not JSON")
    known = _kind_of(envelope.type, kind, "$.type")
    if envelope.data:
        event = _event(bytes(envelope.data), known, now, "$.data", id_format)
    elif envelope.data_base64 is not None:
        event = _event(envelope.data_base64, known, now, "$.data_base64", id_format)
    else:
        raise MalformedEvent("$.data", "it is missing")
    return Delivered(
        event=event,
        correlation_id=_text(envelope.correlationid),
        traceparent=_text(envelope.traceparent),
    )


def _media_type(content_type: str | None) -> str:
    """The media type without its parameters; empty for none."""
    return (content_type or "").partition(";")[0].strip().lower()


def _is_json(media_type: str) -> bool:
    """Whether a body is JSON and not a CloudEvents batch; a body without a media type is."""
    if media_type.startswith("application/cloudevents"):
        return False
    return media_type in {"", wire.JSON} or media_type.endswith("+json")


def _check_version(specversion: str, path: str) -> None:
    if not specversion.startswith("1."):
        raise MalformedEvent(path, f"CloudEvents {specversion[:20]!r} is not supported: 1.0 is")


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _is_envelope(body: bytes, headers: Mapping[str, str]) -> bool:
    """Whether a body without a media type, or of plain JSON, is a structured CloudEvent."""
    if "specversion" in headers or b'"specversion"' not in body:
        return False
    try:
        members = _members.decode(body)
    except _UNREADABLE:
        return False
    return "specversion" in members and ("data" in members or "data_base64" in members)


def _without_prefix(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers in lower case, a CloudEvent's attributes (binary mode) under their own names.

    An attribute wins over a plain header of the same name.
    """
    plain = {name.lower(): value for name, value in headers.items()}
    attributes = {
        _PREFIX.sub("", name): value for name, value in plain.items() if _PREFIX.match(name)
    }
    return plain | attributes


def _kind_of(
    given: str | None, expected: type[InventoryEvent] | None, path: str
) -> type[InventoryEvent]:
    if given is None:
        if expected is None:
            raise MalformedEvent(path, "it is missing, and the channel does not say the type")
        return expected
    known = wire.EVENTS.get(given.rpartition(".")[2])
    if known is None:
        raise MalformedEvent(path, f"{given[:100]!r} is not one of {', '.join(wire.EVENTS)}")
    if expected is not None and known is not expected:
        raise MalformedEvent(path, f"{given!r} came through the channel of {expected.__name__}")
    return known


def _event(
    body: bytes, kind: type[InventoryEvent], now: datetime, path: str, id_format: IdFormat
) -> InventoryEvent:
    try:
        payload = _payload.decode(body)
    except _UNREADABLE as error:
        raise _malformed(error, path) from error
    if payload.event_id.int == 0:
        raise MalformedEvent(f"{path}.eventId", "the nil UUID identifies nothing")
    try:
        variant = variant_id(payload.variant_id, id_format)
    except ValueError as error:
        raise MalformedEvent(f"{path}.productVariantId", str(error)) from error
    if payload.timestamp > now + CLOCK_SKEW:
        raise MalformedEvent(
            f"{path}.timestamp",
            f"{payload.timestamp.isoformat()} is more than {CLOCK_SKEW.total_seconds():.0f} s "
            "ahead of this host's clock",
        )
    try:
        occurred_at = payload.timestamp.astimezone(UTC)
    except OverflowError as error:
        raise MalformedEvent(f"{path}.timestamp", "it lies before the year 1 UTC") from error
    return kind(event_id=payload.event_id, occurred_at=occurred_at, variant_id=variant)


def _malformed(error: Exception, path: str) -> MalformedEvent:
    if isinstance(error, RecursionError):
        return MalformedEvent(path, "it is nested too deeply")
    text: Any = str(error)
    found = _PATH.search(text)
    inner = found.group(1).removeprefix("$") if found else ""
    reason = _PATH.sub("", text)
    missing = _MISSING.search(reason)
    if missing is not None:
        return MalformedEvent(f"{path}{inner}.{missing.group(1)}", "it is missing")
    return MalformedEvent(path + inner, reason)
