"""The events' contract says the same as the wire Struct, and as the service's contract."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from openapi_schema_validator import OAS30Validator, oas30_format_checker
from referencing import Registry
from referencing.jsonschema import DRAFT4

from shelfport.adapters.events import wire
from shelfport.adapters.http.wire import CORRELATION_ID, TRACEPARENT
from shelfport.contracts import inventory_events_yaml, inventory_service_yaml
from tests.contracts.schemas import examples, resolved, shape

EVENTS: dict[str, Any] = yaml.safe_load(inventory_events_yaml())
SERVICE: dict[str, Any] = yaml.safe_load(inventory_service_yaml())
SCHEMAS: dict[str, Any] = EVENTS["components"]["schemas"]
PROSE = {"description", "example", "examples"}


def promised(schema: dict[str, Any]) -> dict[str, Any]:
    return {keyword: value for keyword, value in schema.items() if keyword not in PROSE}


def test_is_asyncapi() -> None:
    """It is an AsyncAPI 3.0 document with one channel, operation and message for each event."""
    assert "3.0.0" == EVENTS["asyncapi"]
    assert sorted(wire.CHANNELS) == sorted(c["address"] for c in EVENTS["channels"].values())
    assert [1, 1, 1] == [len(channel["messages"]) for channel in EVENTS["channels"].values()]
    assert {"send"} == {operation["action"] for operation in EVENTS["operations"].values()}
    assert sorted(wire.EVENTS) == sorted(
        message["name"] for message in EVENTS["components"]["messages"].values()
    )


def test_is_found_as_a_resource() -> None:
    """The packaged text is the file in the contracts folder."""
    path = Path(__file__).parents[2] / "contracts" / "inventory-events.asyncapi.yaml"

    assert path.read_text("utf-8") == inventory_events_yaml()


@pytest.mark.parametrize("operation", EVENTS["operations"])
def test_every_operation_sends_what_its_channel_carries(operation: str) -> None:
    """An operation names its channel and that channel's one message."""
    described = EVENTS["operations"][operation]
    channel = resolved(described["channel"], EVENTS)
    [message] = [resolved(message, EVENTS) for message in described["messages"]]
    [carried] = [resolved(each, EVENTS) for each in channel["messages"].values()]

    assert carried == message
    assert wire.CHANNELS[channel["address"]] is wire.EVENTS[message["name"]]
    assert f"#/components/schemas/{message['name']}" == message["payload"]["$ref"]


@pytest.mark.parametrize("name", wire.EVENTS)
def test_the_struct_has_the_shape(name: str) -> None:
    """All three payloads have the Struct's members: names, types, formats, and none optional.

    The Struct leaves the format of the variant's id to the setting `id_format`.
    """
    _, definitions = msgspec.json.schema_components([wire.StockEventBody])
    struct = shape(definitions["StockEventBody"], {"$defs": definitions})
    schema = shape(SCHEMAS[name], EVENTS)

    assert "uuid" == schema["members"]["productVariantId"].pop("format")
    assert struct == schema
    assert ["eventId", "productVariantId", "timestamp"] == struct["required"]


@pytest.mark.parametrize("message", EVENTS["components"]["messages"].values())
def test_headers(message: dict[str, Any]) -> None:
    """Each message says its type, and may carry the same two ids as a request."""
    headers = message["headers"]

    assert [wire.TYPE] == headers["required"]
    assert {"type": "string", "const": message["name"]} == headers["properties"][wire.TYPE]
    assert {wire.TYPE, CORRELATION_ID, TRACEPARENT} == headers["properties"].keys()


@pytest.mark.parametrize(
    ("events", "service"),
    [
        ("ProductVariantId", "ProductVariantId"),
        ("EventId", "ProductVariantId"),
        ("Timestamp", "UpdatedAt"),
        ("CorrelationId", "CorrelationId"),
    ],
)
def test_what_both_contracts_have_is_the_same(events: str, service: str) -> None:
    """Ids and instants are as in inventory-service.yaml."""
    assert promised(SERVICE["components"]["schemas"][service]) == promised(SCHEMAS[events])


def test_examples_are_valid() -> None:
    """Every example is what the schema beside it asks for."""
    registry: Registry[Any] = Registry().with_resource("urn:events", DRAFT4.create_resource(EVENTS))
    found = list(examples(EVENTS))

    for pointer, example in found:
        OAS30Validator(
            {"$ref": f"urn:events{pointer}"},
            registry=registry,
            format_checker=oas30_format_checker,
        ).validate(example)
    assert 8 == len(found)
