"""Opening an inventory record over HTTP (R4-R6)."""

from uuid import uuid4

import msgspec
import pytest
from aiohttp import web

from shelfport import (
    AlreadyThere,
    Created,
    InventoryItem,
    StockStatus,
)
from shelfport.errors import (
    Conflict,
    ContractViolation,
    FaultScope,
    Operation,
    OperationInProgress,
    PathFailed,
    RequestRejected,
)
from shelfport.ports import DEFAULT_CALL, Call
from tests.adapters.http.conftest import (
    GARBLED,
    OF_ALL,
    OF_ONE,
    Connect,
    Facts,
    answering,
    facts_of,
)
from tests.support.clocks import EPOCH
from tests.support.servers import always, problem, serving, wire_level
from tests.support.values import a_level, an_id, an_initial_stock

A = an_id(1)
ITEM = InventoryItem(
    id=uuid4(),
    variant_id=A,
    quantity=3,
    available_quantity=3,
    status=StockStatus.LOW_STOCK,
    updated_at=EPOCH,
)
WIRE_ITEM = {
    "id": str(ITEM.id),
    "productVariantId": str(A),
    "quantity": 3,
    "availableQuantity": 3,
    "status": "LOW_STOCK",
    "updatedAt": EPOCH.isoformat(),
}


async def test_a_record_is_opened(connect: Connect) -> None:
    """One POST with the request's three fields and its key; the 201 becomes `Created`."""
    request = an_initial_stock(A, quantity=3)
    async with serving(always(WIRE_ITEM, 201)) as service:
        port = await connect(service.url)

        outcome = await port.initialize(request, Call(correlation_id="new-product"))

    assert Created(ITEM) == outcome
    [sent] = service.requests
    assert ("POST", "/inventory") == (sent.method, sent.path_qs)
    assert str(request.idempotency_key) == sent.headers["Idempotency-Key"]
    assert "new-product" == sent.headers["X-Correlation-ID"]
    assert "application/json" == sent.content_type
    assert {
        "productVariantId": str(A),
        "initialQuantity": 3,
        "lowStockThreshold": 10,
    } == msgspec.json.decode(service.bodies[0])


async def test_the_record_was_there(connect: Connect) -> None:
    """409 `record-exists` is not a failure: the outcome has the stock of the record."""
    response = problem(409, "record-exists", current=wire_level(A, 7))
    async with serving(answering(response)) as service:
        port = await connect(service.url)

        outcome = await port.initialize(an_initial_stock(A), DEFAULT_CALL)

    assert AlreadyThere(a_level(A, 7)) == outcome


async def test_the_key_was_used(connect: Connect) -> None:
    """422 `key-reused` is a `Conflict` with the request's context."""
    async with serving(answering(problem(422, "key-reused"))) as service:
        port = await connect(service.url)

        with pytest.raises(Conflict, match="belongs to another request") as info:
            await port.initialize(an_initial_stock(A), Call(correlation_id="c", attempt=2))

    error = info.value
    assert (
        error.operation,
        error.ids,
        error.correlation_id,
        error.attempts,
        error.status,
        error.scope,
    ) == (Operation.INITIALIZE, (A,), "c", 2, 422, FaultScope.REQUEST)


async def test_the_key_is_being_worked_on(connect: Connect) -> None:
    """409 `in-progress` is transient, and has the service's `Retry-After`."""
    response = problem(409, "in-progress")
    response.headers["Retry-After"] = "2"
    async with serving(answering(response)) as service:
        port = await connect(service.url)

        with pytest.raises(OperationInProgress) as info:
            await port.initialize(an_initial_stock(A), DEFAULT_CALL)

    assert (2.0, FaultScope.REQUEST) == (info.value.retry_after, info.value.scope)


async def test_an_unknown_conflict(connect: Connect) -> None:
    """A 409 with an unknown problem type is a rejection."""
    async with serving(answering(problem(409, "on-holiday"))) as service:
        port = await connect(service.url)

        with pytest.raises(RequestRejected) as info:
            await port.initialize(an_initial_stock(A), DEFAULT_CALL)

    assert FaultScope.REQUEST is info.value.scope


@pytest.mark.parametrize(
    ("response", "facts"),
    [
        (web.json_response(WIRE_ITEM | {"productVariantId": str(an_id(2))}, status=201), OF_ONE),
        (web.json_response(WIRE_ITEM | {"quantity": -1}, status=201), OF_ONE),
        (web.json_response([], status=201), OF_ALL),
        (problem(409, "record-exists"), OF_ONE),
        (problem(409, "record-exists", current=[]), OF_ONE),
        (problem(409, "record-exists", current=wire_level(an_id(2))), OF_ONE),
        (web.json_response(WIRE_ITEM, status=202), OF_ALL),
    ],
    ids=[
        "other variant",
        "bad item",
        "array",
        "no current",
        "bad current",
        "other current",
        "202",
    ],
)
async def test_not_by_the_contract(connect: Connect, response: web.Response, facts: Facts) -> None:
    """An answer that breaks the contract is a violation, never a success."""
    async with serving(answering(response)) as service:
        port = await connect(service.url)

        with pytest.raises(ContractViolation) as info:
            await port.initialize(an_initial_stock(A), DEFAULT_CALL)

    assert facts == facts_of(info.value)
    assert response.status == info.value.status


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", msgspec.json.encode(WIRE_ITEM)[:-5]],
    ids=["empty", "HTML", "cut short"],
)
async def test_a_success_that_is_no_json(connect: Connect, body: bytes) -> None:
    """A 201 without JSON is a fault of the way: the record may have been opened."""
    async with serving(answering(web.Response(status=201, body=body))) as service:
        port = await connect(service.url)

        with pytest.raises(PathFailed, match="was damaged on the way") as info:
            await port.initialize(an_initial_stock(A), DEFAULT_CALL)

    assert GARBLED == facts_of(info.value)
