"""What the consumer sends: the request of one case, as the contract lets it be written."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import attrs

from shelfport.adapters.http.wire import IDEMPOTENCY_KEY
from shelfport.contracts.pact.answers import examples_of, only_content
from shelfport.contracts.pact.consumer import TOKEN, ConsumerOperation, example_of
from shelfport.contracts.pact.matchers import Expectation, regex, sent, text, text_of
from shelfport.contracts.pact.pact_cases import PactExchange
from shelfport.contracts.pact.schema import Schema, schema_of
from shelfport.contracts.pact.yaml_document import Node

_IDS = frozenset({"productVariantId", "productVariantIds", IDEMPOTENCY_KEY})
"""The parameters in which the consumer sends UUIDs."""
_BEARER = r"[Bb]earer [A-Za-z0-9._~+/-]+=*"  # RFC 6750 §2.1


@attrs.frozen(kw_only=True)
class PactRequest:
    """One request."""

    method: str
    path: Expectation
    query: Mapping[str, Expectation]
    headers: Mapping[str, Expectation]
    content_type: str | None = None
    body: Expectation = None


@attrs.frozen
class PactRoute:
    """Where an operation stands in the contract."""

    contract: Node
    node: Node
    path: str
    method: str


def request_of(
    route: PactRoute, uses: ConsumerOperation, *, excluded: bool
) -> tuple[PactRequest, PactExchange]:
    """The request, and what the states of a case are made of.

    Args:
        route: the operation.
        uses: what the consumer sends with it.
        excluded: whether it names an id that the contract excludes, and is refused for it.

    Raises:
        BadContract: the contract wants something else than what the consumer sends.
    """
    path: Expectation = route.path
    query: dict[str, Expectation] = {}
    headers: dict[str, Expectation] = {"Authorization": _authorization(route)}
    body, content_type = _body(route.node, uses, excluded=excluded)
    asked: Sequence[str] = [] if body is None else [example_of(body)["productVariantId"]]
    for parameter in _parameters(route.node, uses):
        name, place = parameter.child("name").value, parameter.child("in").value
        schema = schema_of(parameter.child("schema"))
        example = parameter.value.get("example", schema.example)
        value = text(schema, example)
        if name in _IDS:
            _check_ids(parameter, example)
        if place != "header":
            asked = example if isinstance(example, list) else [example]
            if excluded:
                asked = [*asked[:-1], _excluded(schema)]
                value = text_of(asked)
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
    return request, PactExchange(asked, key=key, sent=example_of(body) or {})


def _parameters(node: Node, uses: ConsumerOperation) -> Sequence[Node]:
    """The parameters that the consumer sends: all of its own, and all that are required."""
    found: list[Node] = []
    left = list(uses.parameters)
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
    """What the yaml does not say is as OpenAPI has it: `form` for a query, `simple` elsewhere."""
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


def _body(node: Node, uses: ConsumerOperation, *, excluded: bool) -> tuple[Expectation, str | None]:
    described = node.get("requestBody")
    if (described is None) != (uses.sends is None):
        raise node.error(f"the consumer sends {'no' if uses.sends is None else 'a'} body")
    if described is None or uses.sends is None:
        return None, None
    content_type, media = only_content(described)
    schema = schema_of(media.child("schema"))
    examples = [example for _, example, _ in examples_of(media, [schema])]
    whole = [example for example in examples if set(example) == set(uses.sends)]
    if not whole:
        raise media.error(f"no example has what the consumer sends: {', '.join(uses.sends)}")
    body = sent(schema, whole[0], uses.sends)
    if excluded:
        body["productVariantId"] = _excluded(schema.properties["productVariantId"])
    return body, content_type


def _excluded(schema: Schema) -> str:
    """An id of the right form that the contract excludes."""
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
