"""The decoders and the contract agree: on every payload that keeps it, and on every that does not.

A level is decoded strictly here; test_decoder_fuzz.py is about what is read beyond the contract.
Some forms are read though the contract does not allow them (`READ_ALL_THE_SAME`): they mean one
thing only, and nothing is gained by an unavailable product page.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import attrs
import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from openapi_schema_validator import OAS30Validator, oas30_format_checker

from shelfport.adapters.events import MalformedEvent, decode_event
from shelfport.adapters.http.decode import (
    Malformed,
    decode_current,
    decode_item,
    decode_level,
    decode_levels,
    decode_problem,
)
from shelfport.contracts import inventory_events_yaml, inventory_service_yaml
from shelfport.domain.model import InventoryLowStock, variant_id
from tests.contracts.schemas import resolved
from tests.properties.payloads import Schema, breaks, valid

NOW = datetime(2026, 3, 16, tzinfo=UTC)
"""After everything that is drawn."""

Decode = Callable[[bytes], object]


def flat(schema: Any, root: Any) -> Schema:
    """`schema` without references, all the way down."""
    whole: Schema = resolved(schema, root)
    if "properties" in whole:
        members = {name: flat(member, root) for name, member in whole["properties"].items()}
        return whole | {"properties": members, "required": sorted(set(whole["required"]))}
    return whole


SERVICE = yaml.safe_load(inventory_service_yaml())
EVENTS = yaml.safe_load(inventory_events_yaml())
LEVEL = flat(SERVICE["components"]["schemas"]["InventoryStockLevel"], SERVICE)
ITEM = flat(SERVICE["components"]["schemas"]["InventoryItem"], SERVICE)
EXISTS = flat(SERVICE["components"]["schemas"]["RecordExistsProblem"], SERVICE)
EVENT = flat(EVENTS["components"]["schemas"]["InventoryLowStockEvent"], EVENTS)


@attrs.frozen
class Shape:
    """A schema, and what decodes its payloads."""

    name: str
    schema: Schema
    decode: Decode
    validator: OAS30Validator = attrs.field(init=False)
    """What says whether a payload keeps the schema; it is not ours."""

    @validator.default
    def _validator(self) -> OAS30Validator:
        return OAS30Validator(self.schema, format_checker=oas30_format_checker)

    def keeps(self, payload: Any) -> bool:
        return bool(self.validator.is_valid(payload))


SHAPES = [
    Shape("level", LEVEL, lambda body: decode_level(body, strict=True).level),
    Shape("item", ITEM, decode_item),
    Shape("event", EVENT, lambda body: decode_event(body, now=NOW, kind=InventoryLowStock)),
]
READ_ALL_THE_SAME = {
    "a UUID without hyphens": ("productVariantId", "c9bf9e5716854c89bafbff5af830be8a"),
    "a UUID in braces": ("productVariantId", "{c9bf9e57-1685-4c89-bafb-ff5af830be8a}"),
    "a UUID as a urn": ("productVariantId", "urn:uuid:c9bf9e57-1685-4c89-bafb-ff5af830be8a"),
    "a space between date and time": ("updatedAt", "2026-03-14 09:26:53Z"),
    "an offset without a colon": ("updatedAt", "2026-03-14T10:26:53+0100"),
}


def agreeing(level: dict[str, Any]) -> dict[str, Any]:
    """`level` with a status that agrees with its quantity, which the schema does not demand."""
    if level["availableQuantity"] == 0:
        return level | {"status": "OUT_OF_STOCK"}
    return level if level["status"] != "OUT_OF_STOCK" else level | {"status": "LOW_STOCK"}


def wants(shape: Shape, payload: dict[str, Any], decoded: object) -> None:
    """Every member of the payload is in what was decoded, as what it plainly means."""
    values = attrs.asdict(decoded, recurse=True).values()  # type: ignore[arg-type]  # all three are attrs
    identities = {str(value) for value in values}
    for name, member in shape.schema["properties"].items():
        match member.get("format"):
            case "uuid":
                assert str(UUID(payload[name])) in identities
            case "int32":
                assert payload[name] in values
            case _:
                pass


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
@given(drawn=st.data())
def test_what_keeps_the_contract_is_read(shape: Shape, drawn: st.DataObject) -> None:
    """The decoder accepts every payload of the schema, whatever further members it has."""
    payload = drawn.draw(valid(shape.schema))
    if shape.name == "level":
        payload = agreeing(payload)
    assert shape.keeps(payload)

    decoded = shape.decode(msgspec.json.encode(payload))

    wants(shape, payload, getattr(decoded, "event", decoded))


@given(payload=st.lists(valid(LEVEL), max_size=4))
def test_every_list_of_levels_is_read(payload: list[dict[str, Any]]) -> None:
    """No element is malformed, and each variant has its level."""
    payload = list({each["productVariantId"].lower(): agreeing(each) for each in payload}.values())

    levels = decode_levels(msgspec.json.encode(payload), strict=True)

    assert {variant_id(each["productVariantId"]) for each in payload} == {
        level.variant_id for level in levels.by_id.values()
    }
    assert not levels.malformed
    assert levels.unidentified is None


@given(payload=valid(EXISTS))
def test_every_conflict_is_read(payload: dict[str, Any]) -> None:
    """A `record-exists` problem of the contract tells its type, its detail and its level."""
    payload["current"] = agreeing(payload["current"])

    problem = decode_problem(msgspec.json.encode(payload))

    assert ("record-exists", payload["detail"]) == (problem.slug, problem.detail)
    decoded = decode_current(problem, strict=True)
    assert payload["current"]["availableQuantity"] == decoded.level.available_quantity


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
@given(drawn=st.data())
def test_what_breaks_the_contract_is_refused(shape: Shape, drawn: st.DataObject) -> None:
    """However a payload is broken, the decoder refuses it, and names the member that breaks it."""
    whole = drawn.draw(valid(shape.schema))

    for broken in breaks(shape.schema):
        payload = broken.applied(whole)
        assert not shape.keeps(payload), broken
        with pytest.raises((Malformed, MalformedEvent)) as info:
            shape.decode(msgspec.json.encode(payload))
        assert broken.member in str(info.value), broken


def test_every_member_is_broken_in_many_ways() -> None:
    """The table of breaks is not empty by accident."""
    assert {"level": 44, "item": 66, "event": 39} == {
        shape.name: len(list(breaks(shape.schema))) for shape in SHAPES
    }


@pytest.mark.parametrize(
    ("member", "value"), READ_ALL_THE_SAME.values(), ids=READ_ALL_THE_SAME.keys()
)
def test_what_is_read_all_the_same(member: str, value: str) -> None:
    """Some forms beyond the contract are read as the one thing that they can mean."""
    payload = LEVEL["example"]
    usual = decode_level(msgspec.json.encode(payload)).level

    decoded = decode_level(msgspec.json.encode({**payload, member: value}))

    assert not SHAPES[0].keeps({**payload, member: value})
    assert () == decoded.repairs
    assert decoded.level.updated_at is not None
    updated_at = decoded.level.updated_at.replace(second=53)
    assert usual == attrs.evolve(decoded.level, updated_at=updated_at)


@pytest.mark.parametrize("name", [name for name in READ_ALL_THE_SAME if "UUID" in name])
def test_other_forms_of_an_id_are_refused_strictly(name: str) -> None:
    """A contract test finds an id that has another form than the contract's."""
    member, value = READ_ALL_THE_SAME[name]

    with pytest.raises(Malformed, match="write it as c9bf9e57-1685-4c89-bafb-ff5af830be8a"):
        decode_level(msgspec.json.encode({**LEVEL["example"], member: value}), strict=True)
