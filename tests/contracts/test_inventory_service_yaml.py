"""The contract is valid, and the wire Structs say the same as it does."""

from pathlib import Path
from typing import Any, get_args
from urllib.parse import quote

import msgspec
import pytest
import yaml
from openapi_schema_validator import OAS30Validator, oas30_format_checker
from openapi_spec_validator import OpenAPIV30SpecValidator
from referencing import Registry
from referencing.jsonschema import DRAFT4

from shelfport.adapters.http import wire
from shelfport.contracts import inventory_service_yaml
from shelfport.domain.model import MAX_QUANTITY, StockStatus
from tests.contracts.schemas import examples, resolved, shape

SLUGS = sorted(get_args(wire.ProblemSlug))
CONTRACT: dict[str, Any] = yaml.safe_load(inventory_service_yaml())
SCHEMAS: dict[str, Any] = CONTRACT["components"]["schemas"]
OPERATIONS = [
    pytest.param(operation, id=operation["operationId"])
    for item in CONTRACT["paths"].values()
    for operation in item.values()
]


def test_is_valid() -> None:
    """It is a valid OpenAPI 3.0 document, its defaults included."""
    assert "3.0.3" == CONTRACT["openapi"]

    OpenAPIV30SpecValidator(CONTRACT).validate()


def test_examples_are_valid() -> None:
    """Every example is what the schema beside it asks for."""
    contract = DRAFT4.create_resource(CONTRACT)
    registry: Registry[Any] = Registry().with_resource("urn:contract", contract)
    found = list(examples(CONTRACT))

    for pointer, example in found:
        OAS30Validator(
            {"$ref": f"urn:contract{quote(pointer, safe='#/~{}')}"},
            registry=registry,
            format_checker=oas30_format_checker,
        ).validate(example)
    assert len(found) > 25


def test_is_found_as_a_resource() -> None:
    """The packaged text is the file in the contracts folder."""
    path = Path(__file__).parents[2] / "contracts" / "inventory-service.yaml"

    assert path.read_text("utf-8") == inventory_service_yaml()


@pytest.mark.parametrize(
    "struct",
    [wire.InventoryStockLevelBody, wire.InitializeInventoryRequestBody, wire.InventoryItemBody],
)
def test_structs_have_the_shapes(struct: type[msgspec.Struct]) -> None:
    """Names, types, bounds, formats, enums, defaults and required members are the same.

    A struct leaves the format of the variant's id to the setting `id_format`.
    """
    name = struct.__name__
    _, definitions = msgspec.json.schema_components([struct])
    schema = shape(SCHEMAS[name.removesuffix("Body")], CONTRACT)

    assert "uuid" == schema["members"]["productVariantId"].pop("format")
    assert schema == shape(definitions[name], {"$defs": definitions})


def test_problem_has_the_members() -> None:
    """Every member of the contract's problems is read, and no other."""
    problem = resolved(SCHEMAS["RecordExistsProblem"], CONTRACT)

    assert sorted(problem["properties"]) == sorted(wire.ProblemBody.__struct_encode_fields__)
    assert ["current", "detail", "status", "title", "type"] == sorted(problem["required"])


def test_problem_types() -> None:
    """The contract has exactly the problem types that the wire's Literal has."""
    assert [wire.PROBLEM_TYPE + slug for slug in SLUGS] == sorted(
        SCHEMAS["Problem"]["properties"]["type"]["enum"]
    )


def test_every_problem_type_is_answered_somewhere() -> None:
    """Each type has a response of its own, and each response names its types."""
    used: list[str] = []
    for response in CONTRACT["components"]["responses"].values():
        schema = response["content"]["application/problem+json"]["schema"]
        for variant in schema.get("oneOf", [schema]):
            used += resolved(variant, CONTRACT)["properties"]["type"]["enum"]

    assert [wire.PROBLEM_TYPE + slug for slug in SLUGS] == sorted(used)


def test_quantities_and_statuses() -> None:
    """Bounds and statuses are the domain's."""
    quantity = SCHEMAS["Quantity"]

    assert (quantity["minimum"], quantity["maximum"]) == (0, MAX_QUANTITY)
    assert sorted(s.value for s in StockStatus) == sorted(SCHEMAS["StockStatus"]["enum"])


def test_limits() -> None:
    """The limits that clients split their requests by are the contract's."""
    parameters = CONTRACT["components"]["parameters"]
    ids = parameters["ProductVariantIds"]

    assert (
        ids["style"],
        ids["explode"],
        ids["schema"]["minItems"],
        ids["schema"]["maxItems"],
    ) == ("form", False, 1, wire.MAX_IDS)
    levels = CONTRACT["paths"]["/inventory"]["get"]["responses"]["200"]["content"]
    assert wire.MAX_IDS == levels["application/json"]["schema"]["maxItems"]
    assert f"{wire.MAX_TARGET_BYTES} bytes" in ids["description"]
    assert parameters["IdempotencyKey"]["name"] == wire.IDEMPOTENCY_KEY
    assert parameters["CorrelationId"]["name"] == wire.CORRELATION_ID


def test_only_requests_are_closed() -> None:
    """Unknown members are refused in requests and tolerated in responses."""
    assert ["InitializeInventoryRequest"] == [
        name for name, schema in SCHEMAS.items() if schema.get("additionalProperties") is False
    ]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_response_can_be_correlated(operation: dict[str, Any]) -> None:
    """Every operation takes a correlation id and every response may echo it."""
    names = {resolved(parameter, CONTRACT)["name"] for parameter in operation["parameters"]}
    responses = [resolved(response, CONTRACT) for response in operation["responses"].values()]

    assert {wire.CORRELATION_ID, "traceparent"} <= names
    assert all(wire.CORRELATION_ID in response["headers"] for response in responses)


@pytest.mark.parametrize("path", ["/inventory", "/inventory/{productVariantId}"])
def test_reads_say_how_old_an_answer_may_be(path: str) -> None:
    """A read takes `Cache-Control`, and its answers may have `Age`; a write has neither."""
    read = CONTRACT["paths"][path]["get"]
    names = {resolved(parameter, CONTRACT)["name"] for parameter in read["parameters"]}
    aged = [s for s, r in read["responses"].items() if "Age" in resolved(r, CONTRACT)["headers"]]
    write = CONTRACT["paths"]["/inventory"]["post"]

    assert wire.CACHE_CONTROL in names
    assert ["200"] + ["404"] * ("404" in read["responses"]) == aged
    assert wire.CACHE_CONTROL not in {
        resolved(parameter, CONTRACT)["name"] for parameter in write["parameters"]
    }


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_error_is_a_problem(operation: dict[str, Any]) -> None:
    """Every status from 400 up carries a problem document, and the usual ones are all there."""
    errors = {s: resolved(r, CONTRACT) for s, r in operation["responses"].items() if s >= "400"}

    assert {"400", "401", "403", "429", "500", "503"} <= errors.keys()
    assert all(list(r["content"]) == [wire.PROBLEM_JSON] for r in errors.values())
