import asyncio
import logging
from typing import Any

import pytest

from shelfport import (
    Call,
    ContractViolation,
    InventoryError,
    ServiceOverloaded,
    TimedOut,
    Unauthorized,
    Unreadable,
)
from shelfport.adapters.layers import Observed
from tests.support.clocks import ManualClock
from tests.support.ports import Answers, Ids, ScriptedPort, raising
from tests.support.values import a_reading, an_id, an_initial_stock

A, B = an_id(1), an_id(2)
CALL = Call(correlation_id="page-17", attempt=2)
FIELDS = (
    "event",
    "operation",
    "variants",
    "attempt",
    "correlation_id",
    "waiters",
    "duration",
    "outcome",
    "error",
    "status",
)


def fields(record: logging.LogRecord) -> dict[str, Any]:
    return {name: getattr(record, name) for name in FIELDS}


@pytest.fixture(autouse=True)
def _at_info(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "shelfport.calls")


async def test_an_answer(caplog: pytest.LogCaptureFixture) -> None:
    """An answered read makes one INFO record with its terms and its duration in seconds."""
    clock = ManualClock()

    async def slow(ids: Ids, call: Call) -> Answers:
        clock.advance(0.25)
        return {variant: a_reading(variant) for variant in ids}

    await Observed(ScriptedPort(slow), clock).read([A, B], CALL)

    [record] = caplog.records
    assert record.levelno == logging.INFO
    assert {
        "event": "inventory.call",
        "operation": "read",
        "variants": 2,
        "attempt": 2,
        "correlation_id": "page-17",
        "waiters": (),
        "duration": 0.25,
        "outcome": "answered",
        "error": None,
        "status": None,
    } == fields(record)
    assert (
        "inventory read of 2 answered in 250.0 ms (attempt 2, correlation id page-17)"
        == record.getMessage()
    )


async def test_an_initialization(caplog: pytest.LogCaptureFixture) -> None:
    """An initialisation makes its record, too."""
    await Observed(ScriptedPort(), ManualClock()).initialize(an_initial_stock(A), CALL)

    [record] = caplog.records
    assert ("initialize", "answered", 1) == (
        fields(record)["operation"],
        fields(record)["outcome"],
        fields(record)["variants"],
    )


@pytest.mark.parametrize(
    ("error", "level"),
    [
        (TimedOut("late"), logging.WARNING),
        (ServiceOverloaded("busy", status=503), logging.WARNING),
        (Unauthorized("who are you", status=401), logging.ERROR),
        (ContractViolation("garbage"), logging.ERROR),
    ],
)
async def test_failures(
    caplog: pytest.LogCaptureFixture, error: InventoryError, level: int
) -> None:
    """What may pass by itself is a WARNING, what needs a person an ERROR; both reach the caller."""
    layer = Observed(ScriptedPort(raising(error)), ManualClock())

    with pytest.raises(type(error)):
        await layer.read([A], CALL)

    [record] = caplog.records
    assert level == record.levelno
    assert ("failed", type(error).__name__, error.status, "page-17") == (
        fields(record)["outcome"],
        fields(record)["error"],
        fields(record)["status"],
        fields(record)["correlation_id"],
    )
    assert str(error) in record.getMessage()


async def test_a_failed_initialization(caplog: pytest.LogCaptureFixture) -> None:
    """A failed initialisation is recorded and goes on to the caller."""

    class Failing(ScriptedPort):
        async def initialize(self, request: object, call: Call) -> Any:
            raise TimedOut("late")

    with pytest.raises(TimedOut):
        await Observed(Failing(), ManualClock()).initialize(an_initial_stock(A), CALL)

    assert ["failed"] == [fields(record)["outcome"] for record in caplog.records]


async def test_an_answer_in_part(caplog: pytest.LogCaptureFixture) -> None:
    """Unreadable parts of an answer make it a WARNING that shows the first of them."""

    async def partly(ids: Ids, call: Call) -> Answers:
        return {A: a_reading(A), B: Unreadable(ContractViolation("negative"))}

    await Observed(ScriptedPort(partly), ManualClock()).read([A, B], CALL)

    [record] = caplog.records
    assert (
        record.levelno,
        fields(record)["outcome"],
        fields(record)["error"],
    ) == (logging.WARNING, "partial", "ContractViolation")
    assert "answered all but 1" in record.getMessage()
    assert record.getMessage().endswith("negative")


async def test_a_caller_that_left(caplog: pytest.LogCaptureFixture) -> None:
    """An attempt that was cancelled leaves a record too: the service may have seen it."""

    async def hang(ids: Ids, call: Call) -> Answers:
        await asyncio.Event().wait()
        return {}

    task = asyncio.create_task(Observed(ScriptedPort(hang), ManualClock()).read([A], CALL))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    [record] = caplog.records
    assert (
        record.levelno,
        fields(record)["outcome"],
        fields(record)["error"],
        fields(record)["status"],
    ) == (logging.WARNING, "failed", "CancelledError", None)
    assert record.getMessage().endswith("the caller left before the answer")


async def test_switched_off(caplog: pytest.LogCaptureFixture) -> None:
    """Above INFO, answers leave no record."""
    caplog.set_level(logging.WARNING, "shelfport.calls")
    layer = Observed(ScriptedPort(), ManualClock())

    await layer.read([A], CALL)
    await layer.initialize(an_initial_stock(A), CALL)

    assert [] == caplog.records


async def test_nothing_asked(caplog: pytest.LogCaptureFixture) -> None:
    """No ids, no call, no record."""
    assert {} == await Observed(ScriptedPort(), ManualClock()).read([], CALL)
    assert [] == caplog.records
