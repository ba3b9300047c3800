"""Makes the request of a case: what the consumer sends, checked against the contract."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import attrs

from shelfport.adapters.http.wire import IDEMPOTENCY_KEY
from shelfport.contracts.pact.answers import examples_of, only_content
from shelfport.contracts.pact.consumer import TOKEN, ConsumerOperation, example_of
from shelfport.contracts.pact.matchers import Expectation, regex, request_body, text, text_of
from shelfport.contracts.pact.pact_cases import PactExchange
from shelfport.contracts.pact.schema import Schema, schema_of
from shelfport.contracts.pact.yaml_document import Node

_IDS = frozenset({"productVariantId", "productVariantIds", IDEMPOTENCY_KEY})
"""The parameters in which the consumer sends UUIDs."""
_BEARER = r"[Bb]earer [A-Za-z0-9._~+/-]+=*"  # RFC 6750 §2.1


@attrs.frozen(kw_only=True)
class PactRequest:
    """A request of the pact."""

    method: str
    path: Expectation
    query: Mapping[str, Expectation]
    headers: Mapping[str, Expectation]
    content_type: str | None = None
    body: Expectation = None


@attrs.frozen
class PactRoute:
    """An operation of the contract, with its path and method."""

    contract: Node
    node: Node
    path: str
    method: str


def request_of(
    route: PactRoute, operation: ConsumerOperation, *, excluded: bool
) -> tuple[PactRequest, PactExchange]:
    """The request of a case, and the examples for its provider states.

    Args:
        route: the operation in the contract.
        operation: what the consumer sends for it.
        excluded: whether the request names an id that the contract excludes.

    Raises:
        BadContract: the contract requires something that the consumer does not send.
    """
    path: Expectation = route.path
    query: dict[str, Expectation] = {}
    headers: dict[str, Expectation] = {"Authorization": _authorization(route)}
    body, content_type = _body(route.node, operation, excluded=excluded)
    variant_ids: Sequence[str] = [] if body is None else [example_of(body)["productVariantId"]]
    for parameter in _parameters(route.node, operation):
        name, place = parameter.child("name").value, parameter.child("in").value
        schema = schema_of(parameter.child("schema"))
        example = parameter.value.get("example", schema.example)
        value = text(schema, example)
        if name in _IDS:
            _check_ids(parameter, example)
        if place != "header":
            variant_ids = example if isinstance(example, list) else [example]
            if excluded:
                variant_ids = [*variant_ids[:-1], _excluded(schema)]
                value = text_of(variant_ids)
        match place:
            case "path":
                path = _in_path(route, name, value)
            case "query":
                query[name] = value
            case "header":
                headers[name] = value
            case _:
                raise parameter.error(f"a parameter in the {place} is not understood")
    request = PactRequest(
        method=route.method,
        path=path,
        query=query,
        headers=headers,
        content_type=content_type,
        body=body,
    )
    key = example_of(headers.get(IDEMPOTENCY_KEY))
    return request, PactExchange(variant_ids, idempotency_key=key, body=example_of(body) or {})


def _parameters(node: Node, operation: ConsumerOperation) -> Sequence[Node]:
    """The parameters that the consumer sends; it must send every required one."""
    found: list[Node] = []
    left = list(operation.parameters)
    for parameter in node.child("parameters").elements():
        name = parameter.child("name").value
        if name in left:
            left.remove(name)
            _check_style(parameter)
            found.append(parameter)
        elif parameter.value.get("required"):
            raise parameter.error(f"the consumer does not send `{name}`")
    if left:
        missing = ", ".join(left)
        raise node.child("parameters").error(f"the consumer sends what is not there: {missing}")
    return found


def _check_style(parameter: Node) -> None:
    """Check the style; OpenAPI's defaults are `form` for a query, and `simple` elsewhere."""
    usual = "form" if parameter.child("in").value == "query" else "simple"
    style = parameter.value.get("style", usual)
    explode = parameter.value.get("explode", style == "form")
    if (style, explode) != (usual, False):
        raise parameter.error(
            f"the consumer writes style `{usual}` without `explode`, not `{style}` with {explode}"
        )


def _check_ids(parameter: Node, example: Any) -> None:
    for each in example if isinstance(example, list) else [example]:
        try:
            UUID(each)
        except (ValueError, AttributeError, TypeError) as error:
            raise parameter.error(f"the consumer sends a UUID, and not {each!r}") from error


def _in_path(route: PactRoute, name: str, value: Expectation) -> Expectation:
    slot = f"{{{name}}}"
    before, found, after = route.path.partition(slot)
    if not found or "{" in before + after:
        raise route.node.error(f"the path {route.path} must have the one parameter {slot}")
    if isinstance(value, str):
        return before + value + after
    inner = value["regex"].removeprefix("^").removesuffix("$")
    return regex(before + inner + after, before + value["value"] + after)


def _body(
    node: Node, operation: ConsumerOperation, *, excluded: bool
) -> tuple[Expectation, str | None]:
    described = node.get("requestBody")
    if (described is None) != (operation.sends is None):
        raise node.error(f"the consumer sends {'no' if operation.sends is None else 'a'} body")
    if described is None or operation.sends is None:
        return None, None
    content_type, media = only_content(described)
    schema = schema_of(media.child("schema"))
    examples = [example for _, example, _ in examples_of(media, [schema])]
    whole = [example for example in examples if set(example) == set(operation.sends)]
    if not whole:
        raise media.error(f"no example has what the consumer sends: {', '.join(operation.sends)}")
    body = request_body(schema, whole[0], operation.sends)
    if excluded:
        body["productVariantId"] = _excluded(schema.properties["productVariantId"])
    return body, content_type


def _excluded(schema: Schema) -> str:
    """An id with the right format that the contract excludes."""
    inner = schema.items or schema
    if not inner.excluded:
        raise inner.node.error("it excludes no value by `not`, so no id can be refused")
    return str(inner.excluded[0])


def _authorization(route: PactRoute) -> Expectation:
    security = (route.node.get("security") or route.contract.child("security")).value
    if security != [{"bearer": []}]:
        raise route.node.error(f"the security {security!r} is not understood: bearer alone is")
    scheme = route.contract.child("components", "securitySchemes", "bearer")
    kind = scheme.child("type").value, scheme.child("scheme").value
    if kind != ("http", "bearer"):
        raise scheme.error(f"{kind} is not understood: the consumer sends bearer tokens")
    return regex(_BEARER, f"Bearer {TOKEN}")
