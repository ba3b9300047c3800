"""Makes the HTTP interactions of the pact from inventory-service.yaml."""

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import attrs

from shelfport.contracts.pact.answers import PactAnswer, answers_of
from shelfport.contracts.pact.consumer import OPERATIONS, READ_HEADERS, reads_of_problem
from shelfport.contracts.pact.matchers import Expectation, expected_body, text
from shelfport.contracts.pact.pact_cases import CASES, PactCase
from shelfport.contracts.pact.requests import PactRequest, PactRoute, request_of
from shelfport.contracts.pact.schema import schema_of
from shelfport.contracts.pact.states import ProviderState
from shelfport.contracts.pact.yaml_document import Node

_METHODS = frozenset({"delete", "get", "head", "options", "patch", "post", "put", "trace"})


@attrs.frozen(kw_only=True)
class PactResponse:
    """What the consumer expects of an answer."""

    status: int
    headers: Mapping[str, Expectation]
    content_type: str
    body: Expectation


@attrs.frozen(kw_only=True)
class HttpInteraction:
    """One request and its answer."""

    document: ClassVar[str] = "OpenAPI"
    description: str
    """Unique in the pact."""
    operation_id: str
    states: Sequence[ProviderState]
    request: PactRequest
    response: PactResponse


def http_interactions(contract: Node) -> list[HttpInteraction]:
    """Every interaction of the contract, by description.

    Raises:
        BadContract: an answer of the yaml has no case, a case has no answer, or the yaml is not
            understood.
    """
    found: dict[str, HttpInteraction] = {}
    unused = set(CASES)
    for path, item in contract.child("paths").items():
        for method, node in item.items():
            if method not in _METHODS:
                raise node.error(f"`{method}` is not understood here")
            operation_id = node.child("operationId").value
            if operation_id not in unused:
                raise node.error(f"the consumer has no cases for the operation {operation_id!r}")
            unused.remove(operation_id)
            route = PactRoute(contract, node, path, method.upper())
            found |= {each.description: each for each in _of_operation(route, operation_id)}
    if unused:
        missing = ", ".join(sorted(unused))
        raise contract.child("paths").error(
            f"operations that the consumer uses are gone: {missing}"
        )
    return [found[description] for description in sorted(found)]


def _of_operation(route: PactRoute, operation_id: str) -> Iterator[HttpInteraction]:
    left = list(CASES[operation_id])
    for answer in answers_of(route.node):
        cases = [case for case in left if _matches(case, answer)]
        if not cases:
            raise answer.node.error(
                f"the consumer has no case for this answer ({answer.problem or answer.name}) "
                f"of {operation_id}"
            )
        for case in cases:
            left.remove(case)
            yield _interaction(route, operation_id, case, answer)
    if left:
        gone = ", ".join(f"{case.status} {case.circumstance!r}" for case in left)
        raise route.node.child("responses").error(
            f"answers that the consumer handles are gone: {gone}"
        )


def _matches(case: PactCase, answer: PactAnswer) -> bool:
    return (case.status, case.example, case.problem) == (answer.status, answer.name, answer.problem)


def _interaction(
    route: PactRoute, operation_id: str, case: PactCase, answer: PactAnswer
) -> HttpInteraction:
    operation = OPERATIONS[operation_id]
    request, exchange = request_of(route, operation, excluded=case.excluded)
    reads = operation.reads if answer.problem is None else reads_of_problem(answer.problem)
    response = PactResponse(
        status=answer.status,
        headers=dict(_headers(answer)),
        content_type=answer.content_type,
        body=expected_body(
            answer.schema, answer.example, reads, {"productVariantId": exchange.variant_ids}
        ),
    )
    return HttpInteraction(
        description=f"{operation_id} {case.circumstance}",
        operation_id=operation_id,
        states=case.given(attrs.evolve(exchange, levels=answer.levels)),
        request=request,
        response=response,
    )


def _headers(answer: PactAnswer) -> Iterator[tuple[str, Expectation]]:
    for name in READ_HEADERS.get(answer.problem or "", ()):
        schema = schema_of(answer.node.child("headers", name, "schema"))
        yield name, text(schema, schema.example)
