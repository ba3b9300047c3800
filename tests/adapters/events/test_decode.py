"""A message is decoded to an event, or refused with the JSON path of its error."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from shelfport.adapters.events import Delivered, MalformedEvent, decode_event
from shelfport.adapters.events.wire import CLOUDEVENT, EVENTS
from shelfport.domain.model import (
    InventoryBackInStock,
    InventoryEvent,
    InventoryLowStock,
    InventoryOutOfStock,
    variant_id,
)

NOW = datetime(2026, 3, 14, 9, 30, tzinfo=UTC)
PAYLOAD: dict[str, Any] = {
    "eventId": "5a0f5f0e-7d6c-4a53-9f4e-2c0c8a3b1d77",
    "timestamp": "2026-03-14T09:26:53Z",
    "productVariantId": "c9bf9e57-1685-4c89-bafb-ff5af830be8a",
}
ENVELOPE: dict[str, Any] = {
    "specversion": "1.0",
    "id": "1",
    "source": "/inventory",
    "type": "com.example.inventory.InventoryLowStockEvent",
    "data": PAYLOAD,
}
LOW = InventoryLowStock(
    event_id=UUID(PAYLOAD["eventId"]),
    occurred_at=datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC),
    variant_id=variant_id(PAYLOAD["productVariantId"]),
)


def content(document: object) -> bytes:
    return json.dumps(document).encode()


def bare(**members: Any) -> bytes:
    return content({**PAYLOAD, **members})


def envelope(**members: Any) -> bytes:
    return content({**ENVELOPE, **members})


def malformed(body: bytes, **options: Any) -> MalformedEvent:
    with pytest.raises(MalformedEvent) as info:
        decode_event(body, **{"now": NOW, "kind": InventoryLowStock, **options})
    return info.value


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("InventoryOutOfStockEvent", InventoryOutOfStock),
        ("InventoryLowStockEvent", InventoryLowStock),
        ("InventoryBackInStockEvent", InventoryBackInStock),
    ],
)
def test_the_three_events(name: str, kind: type[InventoryEvent]) -> None:
    """The header `type` says which event it is, and the three members are the event's."""
    delivered = decode_event(bare(), now=NOW, headers={"type": name})

    assert (
        kind(event_id=LOW.event_id, occurred_at=LOW.occurred_at, variant_id=LOW.variant_id)
        == delivered.event
    )
    assert 3 == len(EVENTS)


def test_the_channel_says_which_event() -> None:
    """Without a header, the channel says which event it is."""
    assert Delivered(event=LOW) == decode_event(bare(), now=NOW, kind=InventoryLowStock)


def test_unknown_members_and_headers() -> None:
    """Unknown members and headers are ignored."""
    delivered = decode_event(
        bare(warehouse="north", nested={"a": [1]}),
        now=NOW,
        kind=InventoryLowStock,
        headers={"x-death": "3"},
        content_type="application/json; charset=utf-8",
    )

    assert Delivered(event=LOW) == delivered


def test_correlation_and_trace() -> None:
    """The correlation id and the trace context come with the event."""
    delivered = decode_event(
        bare(),
        now=NOW,
        kind=InventoryLowStock,
        headers={"X-Correlation-ID": "page-17", "Traceparent": "00-a-b-01"},
    )

    assert Delivered(event=LOW, correlation_id="page-17", traceparent="00-a-b-01") == delivered


@pytest.mark.parametrize("content_type", [CLOUDEVENT, f"{CLOUDEVENT}; charset=utf-8", None])
def test_a_structured_cloud_event(content_type: str | None) -> None:
    """A CloudEvent in structured mode, declared or not, is its data; its type says which event."""
    delivered = decode_event(
        envelope(correlationid="page-17", traceparent="00-a-b-01", subject="x"),
        now=NOW,
        content_type=content_type,
    )

    assert Delivered(event=LOW, correlation_id="page-17", traceparent="00-a-b-01") == delivered


def test_a_structured_cloud_event_that_the_headers_declare() -> None:
    """The content type may be one of the headers."""
    delivered = decode_event(envelope(), now=NOW, headers={"Content-Type": CLOUDEVENT})

    assert Delivered(event=LOW) == delivered


def test_data_in_base64() -> None:
    """A CloudEvent's data may be in base64."""
    packed = {**ENVELOPE, "data_base64": base64.b64encode(bare()).decode()}
    del packed["data"]

    assert Delivered(event=LOW) == decode_event(content(packed), now=NOW)


@pytest.mark.parametrize("prefix", ["ce-", "ce_", "CE-", "cloudEvents:", "cloudEvents_"])
def test_a_binary_cloud_event(prefix: str) -> None:
    """In binary mode the attributes are headers, under the prefix of the protocol."""
    delivered = decode_event(
        bare(),
        now=NOW,
        headers={
            f"{prefix}specversion": "1.0",
            f"{prefix}type": "com.example.InventoryLowStockEvent",
            f"{prefix}correlationid": "page-17",
            f"{prefix}traceparent": "00-a-b-01",
            "type": "something of the broker's",
        },
        content_type="application/json",
    )

    assert Delivered(event=LOW, correlation_id="page-17", traceparent="00-a-b-01") == delivered


def test_odd_extensions_cost_no_event() -> None:
    """An extension attribute that is no text is ignored."""
    delivered = decode_event(envelope(correlationid=17, traceparent=None), now=NOW)

    assert Delivered(event=LOW) == delivered


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("2026-03-14T09:26:53Z", 0),
        ("2026-03-14T10:26:53+01:00", 0),
        ("2026-03-14T09:26:53.250Z", 0.25),
        ("2026-03-14T09:34:59Z", 486),
        ("2026-03-14T09:35:00Z", 487),
    ],
)
def test_instants(written: str, seconds: float) -> None:
    """Any offset and fraction is read, up to five minutes ahead of the clock; the result is UTC."""
    event = decode_event(bare(timestamp=written), now=NOW, kind=InventoryLowStock).event

    assert LOW.occurred_at + timedelta(seconds=seconds) == event.occurred_at
    assert UTC is event.occurred_at.tzinfo


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"timestamp": "2026-03-14T09:35:01Z"}, "$.timestamp"),
        ({"timestamp": "2026-03-14T09:26:53"}, "$.timestamp"),
        ({"timestamp": "yesterday"}, "$.timestamp"),
        ({"timestamp": 1773480413}, "$.timestamp"),
        ({"timestamp": None}, "$.timestamp"),
        ({"timestamp": "0001-01-01T00:00:00+01:00"}, "$.timestamp"),
        ({"eventId": "17"}, "$.eventId"),
        ({"eventId": "00000000-0000-0000-0000-000000000000"}, "$.eventId"),
        ({"productVariantId": {}}, "$.productVariantId"),
        ({"productVariantId": "00000000-0000-0000-0000-000000000000"}, "$.productVariantId"),
    ],
)
def test_a_bad_member_is_named(members: dict[str, Any], path: str) -> None:
    """The sentence names the member, also inside a CloudEvent, and keeps its cause."""
    plain = malformed(bare(**members))
    inside = malformed(envelope(data={**PAYLOAD, **members}))

    assert (path, path.replace("$", "$.data")) == (plain.path, inside.path)
    assert f"the event is malformed at {path}: " in str(plain)


@pytest.mark.parametrize("member", PAYLOAD)
def test_a_missing_member_is_named(member: str) -> None:
    """A missing member is named by its JSON path."""
    rest = {name: value for name, value in PAYLOAD.items() if name != member}

    assert f"the event is malformed at $.{member}: it is missing" == str(malformed(content(rest)))
    assert f"$.data.{member}" == malformed(envelope(data=rest)).path


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b"", "$"),
        (b"<xml/>", "$"),
        (b"[]", "$"),
        (b"null", "$"),
        (b'{"eventId": "\xff"}', "$.eventId"),
        (b"[" * 100_000, "$"),
        (b'{"specversion": "1.0", "data": ' + b"[" * 100_000, "$"),
        (envelope(specversion="0.3"), "$.specversion"),
        (envelope(type="com.example.PriceChanged"), "$.type"),
        (envelope(type=7), "$.type"),
        (envelope(data=None), "$.data"),
        (envelope(data="text"), "$.data"),
        (envelope(data=[PAYLOAD]), "$.data"),
        (envelope(datacontenttype="text/xml"), "$.datacontenttype"),
        (envelope(data_base64="!", data=None), "$.data_base64"),
    ],
)
def test_what_is_no_event(body: bytes, path: str) -> None:
    """Any malformed message is refused in one sentence with a JSON path."""
    error = malformed(body, kind=None, headers={"type": "InventoryLowStockEvent"})

    assert path == error.path
    assert "\n" not in str(error)


def test_a_structured_cloud_event_without_data() -> None:
    """A structured CloudEvent without data is refused."""
    rest = {name: value for name, value in ENVELOPE.items() if name != "data"}
    error = malformed(content(rest), content_type=CLOUDEVENT)

    assert "the event is malformed at $.data: it is missing" == str(error)


@pytest.mark.parametrize(
    ("headers", "content_type", "path"),
    [
        ({}, "text/xml", "headers.content-type"),
        ({}, "application/cloudevents-batch+json", "headers.content-type"),
        ({"type": "PriceChanged"}, None, "headers.type"),
        ({"type": "InventoryBackInStockEvent"}, None, "headers.type"),
        (
            {"ce-type": "InventoryLowStockEvent", "ce-specversion": "2.0"},
            None,
            "headers.specversion",
        ),
    ],
)
def test_headers_that_do_not_fit(
    headers: dict[str, str], content_type: str | None, path: str
) -> None:
    """A foreign type, an event of another channel, or no JSON is refused; the header is named."""
    assert path == malformed(bare(), headers=headers, content_type=content_type).path


def test_a_missing_type() -> None:
    """Where a channel carries several events and the type is missing, it is not guessed."""
    error = malformed(bare(), kind=None)

    assert (
        "the event is malformed at headers.type: it is missing, and the channel does not say the "
        "type" == str(error)
    )


def test_the_cause_is_kept() -> None:
    """The JSON decoder's error is the `__cause__`."""
    assert isinstance(malformed(bare(timestamp="yesterday")).__cause__, msgspec.ValidationError)
    assert isinstance(malformed(b"{").__cause__, msgspec.DecodeError)
