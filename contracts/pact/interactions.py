"""From inventory-service.yaml to the HTTP interactions of the pact."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import attrs

from shelfport.adapters.http.wire import IDEMPOTENCY_KEY, PROBLEM_TYPE
from shelfport.contracts.pact.cases import CASES, Case, Exchange
from shelfport.contracts.pact.consumer import (
    OPERATIONS,
    RETRY_AFTER,
    TOKEN,
    Operation,
    example_of,
    reads_of_problem,
)
from shelfport.contracts.pact.document import ContractError, Node
from shelfport.contracts.pact.matchers import Expectation, answered, regex, sent, text, text_of
from shelfport.contracts.pact.schema import Schema, branches, schema_of
from shelfport.contracts.pact.states import ProviderState

_METHODS = frozenset({"delete", "get", "head", "options", "patch", "post", "put", "trace"})
_BEARER = r"[Bb]earer [A-Za-z0-9._~+/-]+=*"  # RFC 6750 §2.1


@attrs.frozen(kw_only=True)
class Request:
    """What the consumer sends."""

    method: str
    path: Expectation
    query: Mapping[str, Expectation]
    headers: Mapping[str, Expectation]
    content_type: str | None = None
    body: Expectation = None


@attrs.frozen(kw_only=True)
class Response:
    """What it asks of the answer."""

    status: int
    headers: Mapping[str, Expectation]
    content_type: str
    body: Expectation


@attrs.frozen(kw_only=True)
class HttpInteraction:
    """One request and its answer."""

    document: ClassVar[str] = "openapi"

    description: str
    """Unique in the pact."""
    operation_id: str
    states: Sequence[ProviderState]
    request: Request
    response: Response


def http_interactions(contract: Node) -> list[HttpInteraction]:
    """Every interaction of the contract, by description.

    Raises:
        ContractError: the yaml has an answer without a case, a case has no answer, or something
            in it is not understood.
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
            walk = _Walk(contract, node, path, method.upper(), operation_id)
            found |= {each.description: each for each in walk.interactions()}
    if unused:
        missing = ", ".join(sorted(unused))
        raise contract.child("paths").error(f"the consumer uses operations that are gone: {missing}")
    return [found[description] for description in sorted(found)]


@attrs.frozen
class _Answer:
    """One example of one answer: what a case is about."""

    node: Node
    status: int
    name: str | None
    problem: str | None
    content_type: str
    schema: Schema
    example: Any


@attrs.frozen
class _Walk:
    """One operation, answer by answer."""

    contract: Node
    node: Node
    path: str
    method: str
    operation_id: str

    @property
    def uses(self) -> Operation:
        return OPERATIONS[self.operation_id]

    def interactions(self) -> Iterator[HttpInteraction]:
        cases = list(CASES[self.operation_id])
        for answer in self._answers():
            about = [case for case in cases if _is_about(case, answer)]
            if not about:
                told = answer.problem or answer.name or "it"
                raise answer.node.error(f"the consumer has no case for this answer ({told})")
            for case in about:
                cases.remove(case)
                yield self._interaction(case, answer)
        if cases:
            left = ", ".join(f"{case.status} {case.circumstance!r}" for case in cases)
            raise self.node.child("responses").error(f"answers that the consumer handles are gone: {left}")

    def _answers(self) -> Iterator[_Answer]:
        for status, response in self.node.child("responses").items():
            if not status.isdigit():
                raise response.error(f"the status `{status}` is not understood: write each out")
            content = list(response.child("content").items())
            if len(content) != 1:
                raise response.error("it must have exactly one content type")
            [(content_type, media)] = content
            schemas = [schema_of(branch) for branch in branches(media.child("schema"))]
            unused = list(schemas)
            for name, example, node in _examples(media, schemas):
                schema = _kept(example, schemas, node)
                if schema in unused:
                    unused.remove(schema)
                yield _Answer(
                    node=response,
                    status=int(status),
                    name=name if len(schemas) == 1 else None,
                    problem=_slug(schema),
                    content_type=content_type,
                    schema=schema,
                    example=example,
                )
            if unused:
                raise unused[0].node.error("no example of the answer keeps this branch")

    def _interaction(self, case: Case, answer: _Answer) -> HttpInteraction:
        request, exchange = self._request(case)
        body = answer.example
        exchange = attrs.evolve(exchange, levels=_levels(answer))
        reads = self.uses.reads if answer.problem is None else reads_of_problem(answer.problem)
        headers: dict[str, Expectation] = {}
        if answer.problem in RETRY_AFTER:
            name = RETRY_AFTER[answer.problem]
            schema = schema_of(answer.node.child("headers", name, "schema"))
            headers[name] = text(schema, schema.example)
        return HttpInteraction(
            description=f"{self.operation_id} {case.circumstance}",
            operation_id=self.operation_id,
            states=case.given(exchange),
            request=request,
            response=Response(
                status=answer.status,
                headers=headers,
                content_type=answer.content_type,
                body=answered(answer.schema, body, reads, {"productVariantId": exchange.asked}),
            ),
        )

    def _request(self, case: Case) -> tuple[Request, Exchange]:
        path: Expectation = self.path
        query: dict[str, Expectation] = {}
        headers: dict[str, Expectation] = {"Authorization": self._authorization()}
        body, content_type = self._body(case)
        asked = [] if body is None else [example_of(body)["productVariantId"]]
        left = list(self.uses.parameters)
        for parameter in self.node.child("parameters").elements():
            name, place = parameter.child("name").value, parameter.child("in").value
            if name not in left:
                if parameter.value.get("required"):
                    raise parameter.error(f"the consumer does not send `{name}`")
                continue
            left.remove(name)
            _check_style(parameter)
            schema = schema_of(parameter.child("schema"))
            example = parameter.value.get("example", schema.example)
            value = text(schema, example)
            if place in {"path", "query"}:
                asked = example if isinstance(example, list) else [example]
                if case.excluded:
                    asked = [*asked[:-1], _excluded(schema)]
                    value = text_of(asked)
            match place:
                case "path":
                    path = _in_path(self.path, name, value)
                case "query":
                    query[name] = value
                case "header":
                    headers[name] = value
                case _:
                    raise parameter.error(f"a parameter in the {place} is not understood")
        if left:
            missing = ", ".join(left)
            raise self.node.child("parameters").error(f"the consumer sends what is not there: {missing}")
        key = example_of(headers.get(IDEMPOTENCY_KEY))
        return (
            Request(
                method=self.method,
                path=path,
                query=query,
                headers=headers,
                content_type=content_type,
                body=body,
            ),
            Exchange(asked, key=key, sent=example_of(body) or {}),
        )

    def _body(self, case: Case) -> tuple[Expectation, str | None]:
        node = self.node.get("requestBody")
        members = self.uses.sends
        if (node is None) != (members is None):
            raise self.node.error(f"the consumer sends {'no' if members is None else 'a'} body")
        if node is None or members is None:
            return None, None
        [(content_type, media)] = node.child("content").items()
        schema = schema_of(media.child("schema"))
        fitting = [
            example
            for _, example, _ in _examples(media, [schema])
            if set(example) == set(members)
        ]
        if not fitting:
            raise media.error(f"no example has the members that the consumer sends: {list(members)}")
        body = sent(schema, fitting[0], members)
        if case.excluded:
            body["productVariantId"] = _excluded(schema.properties["productVariantId"])
        return body, content_type

    def _authorization(self) -> Expectation:
        security = (self.node.get("security") or self.contract.child("security")).value
        schemes = self.contract.child("components", "securitySchemes")
        if security != [{"bearer": []}]:
            raise self.node.error(f"the security {security!r} is not understood: bearer alone is")
        scheme = schemes.child("bearer")
        kind = scheme.child("type").value, scheme.child("scheme").value
        if kind != ("http", "bearer"):
            raise scheme.error(f"{kind} is not understood: the consumer has bearer tokens")
        return regex(_BEARER, f"Bearer {TOKEN}")


def _is_about(case: Case, answer: _Answer) -> bool:
    return (case.status, case.example, case.problem) == (answer.status, answer.name, answer.problem)


def _examples(media: Node, schemas: Sequence[Schema]) -> Iterator[tuple[str | None, Any, Node]]:
    """The named examples of a body; else its one example; else that of its schema."""
    named = media.get("examples")
    if named is not None:
        for name, example in named.items():
            yield name, example.child("value").value, example
    elif "example" in media.value:
        yield None, media.value["example"], media
    elif len(schemas) == 1 and schemas[0].example is not None:
        yield None, schemas[0].example, media
    else:
        raise media.error("there is no example")


def _kept(example: Any, schemas: Sequence[Schema], node: Node) -> Schema:
    """The one schema that `example` keeps."""
    if len(schemas) == 1:
        return schemas[0]
    kept = []
    for schema in schemas:
        try:
            schema.check(example)
        except ContractError:
            continue
        kept.append(schema)
    if len(kept) != 1:
        raise node.error(f"the example keeps {len(kept)} branches of `oneOf`: it must be one")
    return kept[0]


def _slug(schema: Schema) -> str | None:
    """The problem type that a schema is about; None for a body that is no problem."""
    kind = schema.properties.get("type")
    if kind is None:
        return None
    types = kind.keywords.get("enum", ())
    if len(types) != 1:
        raise kind.node.error("an answer must say which one problem type it has")
    return str(types[0]).removeprefix(PROBLEM_TYPE)


def _levels(answer: _Answer) -> Sequence[Mapping[str, Any]]:
    """The stock levels that an answer tells."""
    example = answer.example
    if answer.problem is not None:
        return [example["current"]] if "current" in example else []
    if answer.status != 200:
        return []
    return example if isinstance(example, list) else [example]


def _excluded(schema: Schema) -> str:
    """A value of the right form that the contract excludes."""
    inner = schema.items or schema
    if not inner.excluded:
        raise inner.node.error("it excludes no value by `not`, so no request can be invalid")
    return str(inner.excluded[0])


def _check_style(parameter: Node) -> None:
    """What is not said is as OpenAPI has it: `form` for a query, else `simple`, no lists of pairs."""
    place = parameter.child("in").value
    usual = "form" if place == "query" else "simple"
    style = parameter.value.get("style", usual)
    explode = parameter.value.get("explode", style == "form")
    if (style, explode) != (usual, False):
        raise parameter.error(
            f"the consumer writes style `{usual}` without `explode`, not `{style}` with {explode}"
        )


def _in_path(template: str, name: str, value: Expectation) -> Expectation:
    slot = f"{{{name}}}"
    before, found, after = template.partition(slot)
    if not found or "{" in before + after:
        raise ContractError(f"the path {template} must have the one parameter {slot}")
    if isinstance(value, str):
        return template.replace(slot, value)
    inner = value["regex"].removeprefix("^").removesuffix("$")
    return regex(f"{before}{inner}{after}", template.replace(slot, value["value"]))
