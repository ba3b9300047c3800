"""The cases of the pact: one for each answer that the consumer must handle.

The answers come from the yaml. A case picks one of them, by its example or its problem type, and
names its circumstance and its provider states. Every answer of the yaml needs a case, and every
case needs an answer; otherwise no pact is generated.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

import attrs

from shelfport.contracts.pact.states import (
    CredentialsNotEnough,
    CredentialsNotValid,
    KeyBeingWorkedOn,
    KeyOpenedRecord,
    ProviderState,
    ServiceFails,
    ServiceUnavailable,
    TooManyRequests,
    VariantHasNoRecord,
    VariantHasStock,
)
from shelfport.domain.model import variant_id

_THRESHOLD = 10
"""The low-stock threshold of the examples, in units."""


@attrs.frozen
class PactExchange:
    """The examples from which a case makes its provider states."""

    variant_ids: Sequence[str]
    """The variants in the request."""
    levels: Sequence[Mapping[str, Any]] = ()
    """The stock levels in the answer."""
    idempotency_key: str | None = None
    body: Mapping[str, Any] = attrs.field(factory=dict)
    """The body of the request; empty without one."""


Given = Callable[[PactExchange], Sequence[ProviderState]]


@attrs.frozen
class PactCase:
    """One circumstance of one operation."""

    circumstance: str
    """Completes the description, which begins with the operationId."""
    given: Given
    status: int
    example: str | None = None
    """The name of the answer's example, if it has several."""
    problem: str | None = None
    """The problem type, without its prefix, if the answer is a problem."""
    excluded: bool = False
    """Whether the request names an id that the contract excludes."""


def _stock(exchange: PactExchange) -> Sequence[ProviderState]:
    """Stock for each variant in the answer, and no record for the other variants."""
    quantities = {
        level["productVariantId"]: level["availableQuantity"] for level in exchange.levels
    }
    return [
        VariantHasStock(variant_id(each), quantities[each], _THRESHOLD)
        if each in quantities
        else VariantHasNoRecord(variant_id(each))
        for each in exchange.variant_ids
    ]


def _opened(exchange: PactExchange, *, extra: int = 0) -> Sequence[ProviderState]:
    return [KeyOpenedRecord(*_logical_operation(exchange, extra))]


def _opened_otherwise(exchange: PactExchange) -> Sequence[ProviderState]:
    return _opened(exchange, extra=1)


def _worked_on(exchange: PactExchange) -> Sequence[ProviderState]:
    return [KeyBeingWorkedOn(*_logical_operation(exchange))]


def _logical_operation(exchange: PactExchange, extra: int = 0) -> tuple[UUID, Any, int, int]:
    body = exchange.body
    return (
        UUID(exchange.idempotency_key),
        variant_id(body["productVariantId"]),
        body["initialQuantity"] + extra,
        body["lowStockThreshold"],
    )


def _always(*states: ProviderState) -> Given:
    return lambda _exchange: states


_REFUSALS = (
    PactCase("naming the nil id", _always(), 400, problem="invalid-request", excluded=True),
    PactCase(
        "without valid credentials", _always(CredentialsNotValid()), 401, problem="unauthenticated"
    ),
    PactCase("without permission", _always(CredentialsNotEnough()), 403, problem="forbidden"),
    PactCase("too often", _always(TooManyRequests()), 429, problem="too-many-requests"),
    PactCase("while the service fails", _always(ServiceFails()), 500, problem="internal-error"),
    PactCase(
        "while the service is down", _always(ServiceUnavailable()), 503, problem="unavailable"
    ),
)
"""The refusals that every operation may get."""

CASES: Mapping[str, Sequence[PactCase]] = {
    "getStockLevels": (
        PactCase("of two variants with stock", _stock, 200, "two"),
        PactCase("of a variant with stock and one without a record", _stock, 200, "one"),
        PactCase("of variants without a record", _stock, 200, "none"),
        *_REFUSALS,
    ),
    "getStockLevel": (
        PactCase("of a variant with stock", _stock, 200),
        PactCase("of a variant without a record", _stock, 404, problem="unknown-variant"),
        *_REFUSALS,
    ),
    "initializeInventory": (
        PactCase("of a variant without a record", _stock, 201),
        PactCase("repeated under the same key", _opened, 201),
        PactCase("of a variant with a record", _stock, 409, problem="record-exists"),
        PactCase("while the same key is worked on", _worked_on, 409, problem="in-progress"),
        PactCase("under the key of another request", _opened_otherwise, 422, problem="key-reused"),
        *_REFUSALS,
    ),
}
"""Every case, by `operationId`."""
