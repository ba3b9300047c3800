import logging
from typing import Any
from uuid import UUID

import pytest

from shelfport import (
    AlreadyThere,
    Created,
    InventoryItem,
    ProductVariantId,
    StockStatus,
)
from shelfport.adapters.layers import PortCheckLayer
from shelfport.errors import (
    AdapterFault,
    FaultScope,
    Operation,
    ReachedService,
    TimedOut,
)
from shelfport.ports import (
    DEFAULT_CALL,
    Call,
    InitialStock,
    UnknownVariant,
    Unreadable,
)
from tests.support.clocks import EPOCH
from tests.support.ports import ScriptedPort, raising
from tests.support.values import a_level, a_reading, an_initial_stock, ids

A, B, C = ids(3)
CALL = Call(correlation_id="page-17", attempt=2)
ALWAYS = {*vars(logging.makeLogRecord({})), "message", "asctime"}
"""What every record has, by itself or once it was formatted."""


def read_fault(did: str) -> str:
    return (
        f"the adapter ScriptedPort {did}, which InventoryPort.read does not allow: this is its bug"
    )


def told(
    error: AdapterFault,
) -> tuple[
    str,
    Operation | None,
    tuple[ProductVariantId, ...],
    str | None,
    int,
    FaultScope,
    ReachedService,
    int | None,
]:
    """All attributes of the fault."""
    return (
        str(error),
        error.operation,
        error.ids,
        error.correlation_id,
        error.attempts,
        error.scope,
        error.reached_service,
        error.status,
    )


def assert_recorded(record: logging.LogRecord, fault: AdapterFault, cause: object = None) -> None:
    """Assert that the record holds the fault, and the traceback of its cause."""
    assert (logging.ERROR, "shelfport.adapter") == (record.levelno, record.name)
    assert f"{fault} (correlation id page-17)" == record.getMessage()
    assert fault.operation is not None
    assert {
        "event": "inventory.adapter_fault",
        "operation": fault.operation.value,
        "correlation_id": "page-17",
        "detail": str(fault),
    } == {name: value for name, value in vars(record).items() if name not in ALWAYS}
    assert (None if cause is None else (type(cause), cause)) == (
        record.exc_info and record.exc_info[:2]
    )


def answering(answers: Any) -> PortCheckLayer:
    async def script(ids: Any, call: Call) -> Any:
        return answers

    return PortCheckLayer(ScriptedPort(script))


def initializing(outcome: Any) -> PortCheckLayer:
    class Port(ScriptedPort):
        async def initialize(self, request: InitialStock, call: Call) -> Any:
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

    return PortCheckLayer(Port())


async def test_valid_answers_pass() -> None:
    """Valid answers of every kind pass as they are."""
    answers = {A: a_reading(A), B: UnknownVariant(B), C: Unreadable(TimedOut("late"))}

    checked = await answering(answers).read([A, B, C], CALL)

    assert answers == checked
    assert [True, True, True] == [answers[v] is checked[v] for v in (A, B, C)]


async def test_an_unknown_variant_that_was_asked_for_alone() -> None:
    """An unknown variant is confirmed if it was the only one, whatever the adapter says of that."""
    layer = answering({A: UnknownVariant(A), B: UnknownVariant(B)})

    for asked, confirmed in (([A], True), ([A, B], False)):
        answer = (await layer.read(asked, CALL))[A]
        assert isinstance(answer, UnknownVariant)
        assert confirmed is answer.confirmed


async def test_order_and_extras() -> None:
    """The order is corrected, and foreign answers are dropped."""
    layer = answering({C: a_reading(C), B: a_reading(B), A: a_reading(A)})

    assert list(await layer.read([A, B, A], CALL)) == [A, B]


async def test_the_adapter_gets_each_id_once_and_cannot_touch_the_callers_list() -> None:
    """The adapter gets a tuple of distinct ids, so that it cannot change the caller's list."""
    inner = ScriptedPort()
    asked = [B, A, B]

    await PortCheckLayer(inner).read(asked, CALL)

    assert [([B, A], CALL)] == inner.reads
    assert asked == [B, A, B]


@pytest.mark.parametrize(
    ("bad", "shown"),
    [
        pytest.param({A: a_reading(A)}, "nothing", id="missing"),
        pytest.param({A: a_reading(A), B: a_reading(C)}, "a StockReading", id="another's reading"),
        pytest.param(
            {A: a_reading(A), B: UnknownVariant(C)}, "a UnknownVariant", id="another's unknown"
        ),
        pytest.param(
            {A: a_reading(A), B: Unreadable(ValueError("no"))},  # type: ignore[arg-type]  # the point of the test
            "a Unreadable",
            id="another error",
        ),
        pytest.param({A: a_reading(A), B: None}, "nothing", id="None"),
        pytest.param({A: a_reading(A), B: a_level(B)}, "a StockLevel", id="a bare level"),
        pytest.param({A: a_reading(A), B: KeyError("bug")}, "KeyError", id="an exception"),
    ],
)
async def test_a_bad_answer_costs_its_own_variant(
    bad: Any, shown: str, caplog: pytest.LogCaptureFixture
) -> None:
    """An invalid answer becomes unreadable, and names the adapter; valid ones stand."""
    answers = await answering(bad).read([A, B], CALL)

    assert a_reading(A) == answers[A]
    unreadable = answers[B]
    assert isinstance(unreadable, Unreadable)
    error = unreadable.error
    assert isinstance(error, AdapterFault)
    assert (
        read_fault(f"returned {shown}"),
        Operation.READ,
        (B,),
        "page-17",
        2,
        FaultScope.ELEMENT,
        ReachedService.UNKNOWN,
        None,
    ) == told(error)
    [record] = caplog.records
    assert_recorded(record, error, bad[B] if isinstance(bad.get(B), Exception) else None)


@pytest.mark.parametrize(
    ("bad", "shown"),
    [
        (None, "nothing"),
        ([], "a list"),
        (5, "a int"),
        ("text", "a str"),
        ([a_reading(A)], "a list"),
    ],
)
async def test_no_mapping_at_all(bad: Any, shown: str, caplog: pytest.LogCaptureFixture) -> None:
    """A read that returns no mapping fails."""
    with pytest.raises(AdapterFault) as info:
        await answering(bad).read([A, B, A], CALL)

    assert (
        read_fault(f"returned {shown}"),
        Operation.READ,
        (A, B),
        "page-17",
        2,
        FaultScope.PROCESS,
        ReachedService.UNKNOWN,
        None,
    ) == told(info.value)
    [record] = caplog.records
    assert_recorded(record, info.value)


async def test_no_valid_answer_raises() -> None:
    """A read without a valid answer fails with the fault of its first answer."""
    with pytest.raises(AdapterFault) as info:
        await answering({}).read([A, B], CALL)

    assert ((A,), FaultScope.ELEMENT) == (info.value.ids, info.value.scope)


async def test_a_foreign_exception(caplog: pytest.LogCaptureFixture) -> None:
    """A foreign exception is the fault's cause, and its traceback is in the record."""
    bug = KeyError("bug")

    with pytest.raises(AdapterFault) as info:
        await PortCheckLayer(ScriptedPort(raising(bug))).read([A, B, A], CALL)

    assert (
        read_fault("raised KeyError"),
        Operation.READ,
        (A, B),
        "page-17",
        2,
        FaultScope.PROCESS,
        ReachedService.UNKNOWN,
        None,
    ) == told(info.value)
    assert bug is info.value.__cause__
    [record] = caplog.records
    assert_recorded(record, info.value, bug)
    assert "KeyError: 'bug'" in caplog.text


async def test_an_inventory_error_passes() -> None:
    """An `InventoryError` passes as it is."""
    error = TimedOut("late")

    with pytest.raises(TimedOut) as info:
        await PortCheckLayer(ScriptedPort(raising(error))).read([A], CALL)

    assert error is info.value


async def test_nothing_asked() -> None:
    """No ids, no call below."""
    assert {} == await PortCheckLayer(ScriptedPort(raising(KeyError("bug")))).read([], CALL)


async def test_good_outcomes_pass() -> None:
    """Both outcomes of an initialization pass, if they are about the variant."""
    created = await ScriptedPort().initialize(an_initial_stock(A), DEFAULT_CALL)

    assert created == await initializing(created).initialize(an_initial_stock(A), CALL)
    there = AlreadyThere(a_level(A))
    assert there == await initializing(there).initialize(an_initial_stock(A), CALL)


CREATED = Created(
    InventoryItem(
        id=UUID(int=9),
        variant_id=B,
        quantity=1,
        available_quantity=1,
        status=StockStatus.IN_STOCK,
        updated_at=EPOCH,
    )
)


@pytest.mark.parametrize(
    ("outcome", "did"),
    [
        pytest.param(CREATED, "returned a Created", id="another's record"),
        pytest.param(AlreadyThere(a_level(B)), "returned a AlreadyThere", id="another's level"),
        pytest.param(None, "returned nothing", id="None"),
        pytest.param(CREATED.item, "returned a InventoryItem", id="a bare record"),
        pytest.param(KeyError("bug"), "raised KeyError", id="a foreign exception"),
    ],
)
async def test_bad_outcomes(outcome: Any, did: str, caplog: pytest.LogCaptureFixture) -> None:
    """An outcome about another variant, or none, is a fault with an unknown effect."""
    with pytest.raises(AdapterFault) as info:
        await initializing(outcome).initialize(an_initial_stock(A), CALL)

    assert (
        f"the adapter Port {did}, which InventoryPort.initialize does not allow: this is its bug",
        Operation.INITIALIZE,
        (A,),
        "page-17",
        2,
        FaultScope.PROCESS,
        ReachedService.UNKNOWN,
        None,
    ) == told(info.value)
    cause = outcome if isinstance(outcome, Exception) else None
    assert cause is info.value.__cause__
    [record] = caplog.records
    assert_recorded(record, info.value, cause)


async def test_the_adapter_gets_the_request_as_it_is() -> None:
    """The adapter gets the request and the call of an initialization as they are."""
    inner, request = ScriptedPort(), an_initial_stock(A)

    await PortCheckLayer(inner).initialize(request, CALL)

    assert [(request, CALL)] == inner.initializations


async def test_an_inventory_error_of_an_initialization_passes() -> None:
    """An `InventoryError` of an initialization passes as it is."""
    with pytest.raises(TimedOut):
        await initializing(TimedOut("late")).initialize(an_initial_stock(A), CALL)
