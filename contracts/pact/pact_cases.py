"""Which circumstances the contract is about: one case for each answer that the client must handle.

The answers themselves come from the yaml. A case picks one of them, by its example or its problem
type, and says in words and in provider states how the service comes to give it. Every answer of
the yaml has a case and every case has its answer, or there is no contract.
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
"""The units at which the variants of the examples are low in stock."""


@attrs.frozen
class PactExchange:
    """The examples that a case's states are made of."""

    asked: Sequence[str]
    """The variants that the request is about."""
    levels: Sequence[Mapping[str, Any]] = ()
    """The stock levels in the answer."""
    key: str | None = None
    sent: Mapping[str, Any] = attrs.field(factory=dict)
    """The body of the request."""


Given = Callable[[PactExchange], Sequence[ProviderState]]


@attrs.frozen
class PactCase:
    """One circumstance of one operation."""

    circumstance: str
    """Completes the description, which begins with the operationId."""
    given: Given
    status: int
    example: str | None = None
    """Name of the answer's example, where it has several."""
    problem: str | None = None
    """The problem type, without its prefix, where the answer is one."""
    excluded: bool = False
    """Whether the request names an id that the contract excludes."""


def _stock(exchange: PactExchange) -> Sequence[ProviderState]:
    """What the answer says of each variant, and no record of those that it does not mention."""
    quantities = {
        level["productVariantId"]: level["availableQuantity"] for level in exchange.levels
    }
    return [
        VariantHasStock(variant_id(asked), quantities[asked], _THRESHOLD)
        if asked in quantities
        else VariantHasNoRecord(variant_id(asked))
        for asked in exchange.asked
    ]


def _opened(exchange: PactExchange, *, extra: int = 0) -> Sequence[ProviderState]:
    return [KeyOpenedRecord(*_logical_operation(exchange, extra))]


def _opened_otherwise(exchange: PactExchange) -> Sequence[ProviderState]:
    return _opened(exchange, extra=1)


def _worked_on(exchange: PactExchange) -> Sequence[ProviderState]:
    return [KeyBeingWorkedOn(*_logical_operation(exchange))]


def _logical_operation(exchange: PactExchange, extra: int = 0) -> tuple[UUID, Any, int, int]:
    body = exchange.sent
    return (
        UUID(exchange.key),
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
"""What any operation may be answered."""

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
