import asyncio
import logging
from typing import Any

import attrs
import pytest

from shelfport import Created, InventoryError
from shelfport.adapters.layers import RecordingLayer
from shelfport.adapters.observability.signal_log import log_signal
from shelfport.errors import (
    ContractViolation,
    ServiceOverloaded,
    TimedOut,
    Unauthorized,
)
from shelfport.ports import (
    Call,
    Initialized,
    InitialStock,
    Unreadable,
)
from tests.support.clocks import ManualClock
from tests.support.ports import Answers, Ids, ScriptedPort
from tests.support.values import a_reading, an_initial_stock, ids

A, B, C = ids(3)
CALL = Call(correlation_id="page-17", attempt=2)
ALWAYS = {*vars(logging.makeLogRecord({})), "message", "asctime"}
"""What every record has, by itself or once it was formatted."""


def fields(record: logging.LogRecord) -> dict[str, Any]:
    """The fields of the record's `extra`."""
    return {name: value for name, value in vars(record).items() if name not in ALWAYS}


def passing(clock: ManualClock, error: Exception | None = None) -> ScriptedPort:
    """A port that takes 0.25 seconds for each call, and raises `error` if there is one."""

    class Port(ScriptedPort):
        async def read(self, ids: Ids, call: Call) -> Answers:
            clock.advance(0.25)
            if error is not None:
                raise error
            return await super().read(ids, call)

        async def initialize(self, request: InitialStock, call: Call) -> Initialized:
            clock.advance(0.25)
            if error is not None:
                raise error
            return await super().initialize(request, call)

    return Port()


@pytest.fixture
def clock() -> ManualClock:
    """A clock that does not stand at 0."""
    clock = ManualClock()
    clock.advance(1000)
    return clock


@pytest.fixture(autouse=True)
def _at_info(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "shelfport.calls")


async def test_an_answer(caplog: pytest.LogCaptureFixture, clock: ManualClock) -> None:
    """An answered read makes one INFO record with its terms and its duration in seconds."""
    await RecordingLayer(passing(clock), clock, log_signal).read([A, B], CALL)

    [record] = caplog.records
    assert (logging.INFO, "shelfport.calls") == (record.levelno, record.name)
    assert {
        "event": "inventory.call",
        "operation": "read",
        "variants": 2,
        "attempt": 2,
        "correlation_id": "page-17",
        "waiters": (),
        "duration": 0.25,
        "outcome": "answered",
        "unreadable": 0,
        "error": None,
        "detail": None,
        "status": None,
        "scope": None,
    } == fields(record)
    assert (
        "reading the stock of 2 variants took 0.250 s at attempt 2 (correlation id page-17)"
        == record.getMessage()
    )


async def test_an_initialization(caplog: pytest.LogCaptureFixture, clock: ManualClock) -> None:
    """An initialization makes a record, too."""
    await RecordingLayer(passing(clock), clock, log_signal).initialize(an_initial_stock(A), CALL)

    [record] = caplog.records
    assert logging.INFO == record.levelno
    assert {
        "event": "inventory.call",
        "operation": "initialize",
        "variants": 1,
        "attempt": 2,
        "correlation_id": "page-17",
        "waiters": (),
        "duration": 0.25,
        "outcome": "answered",
        "unreadable": 0,
        "error": None,
        "detail": None,
        "status": None,
        "scope": None,
    } == fields(record)
    assert (
        "opening an inventory record took 0.250 s at attempt 2 (correlation id page-17)"
        == record.getMessage()
    )


async def test_waiters_are_recorded(caplog: pytest.LogCaptureFixture) -> None:
    """The record names the further calls that wait for the same answer."""
    call = attrs.evolve(CALL, waiters=("page-18", "page-19"))

    await RecordingLayer(ScriptedPort(), ManualClock(), log_signal).read([A], call)

    [record] = caplog.records
    assert ("page-18", "page-19") == fields(record)["waiters"]


async def test_it_changes_nothing() -> None:
    """Ids, calls, answers and outcomes pass through as they are."""
    inner, request, asked = ScriptedPort(), an_initial_stock(A), [A, B]
    below: list[Ids] = []
    answers: Answers = {A: a_reading(A), B: Unreadable(TimedOut("late"))}

    async def script(ids: Ids, call: Call) -> Answers:
        below.append(ids)
        return answers

    inner.script = script
    layer = RecordingLayer(inner, ManualClock(), log_signal)

    assert answers is await layer.read(asked, CALL)
    assert asked is below[0]
    assert [([A, B], CALL)] == inner.reads
    assert isinstance(await layer.initialize(request, CALL), Created)
    assert [(request, CALL)] == inner.initializations


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
    caplog: pytest.LogCaptureFixture, clock: ManualClock, error: InventoryError, level: int
) -> None:
    """A transient error is a WARNING, a permanent one an ERROR; both reach the caller."""
    with pytest.raises(type(error)) as info:
        await RecordingLayer(passing(clock, error), clock, log_signal).read([A, B], CALL)

    assert error is info.value
    [record] = caplog.records
    assert level == record.levelno
    assert {
        "event": "inventory.call",
        "operation": "read",
        "variants": 2,
        "attempt": 2,
        "correlation_id": "page-17",
        "waiters": (),
        "duration": 0.25,
        "outcome": "failed",
        "unreadable": 0,
        "error": type(error).__name__,
        "detail": str(error),
        "status": error.status,
        "scope": error.scope.value,
    } == fields(record)
    assert (
        "reading the stock of 2 variants failed after 0.250 s at attempt 2: "
        f"{error} (correlation id page-17)" == record.getMessage()
    )


async def test_a_failed_initialization(
    caplog: pytest.LogCaptureFixture, clock: ManualClock
) -> None:
    """A failed initialization is recorded, and reaches the caller."""
    error = Unauthorized("who are you", status=401)

    with pytest.raises(Unauthorized) as info:
        await RecordingLayer(passing(clock, error), clock, log_signal).initialize(
            an_initial_stock(A), CALL
        )

    assert error is info.value
    [record] = caplog.records
    assert logging.ERROR == record.levelno
    assert {
        "event": "inventory.call",
        "operation": "initialize",
        "variants": 1,
        "attempt": 2,
        "correlation_id": "page-17",
        "waiters": (),
        "duration": 0.25,
        "outcome": "failed",
        "unreadable": 0,
        "error": "Unauthorized",
        "detail": "who are you",
        "status": 401,
        "scope": "credentials",
    } == fields(record)
    assert (
        "opening an inventory record failed after 0.250 s at attempt 2: who are you "
        "(correlation id page-17)" == record.getMessage()
    )


async def test_an_answer_in_part(caplog: pytest.LogCaptureFixture, clock: ManualClock) -> None:
    """Unreadable parts of an answer make it a WARNING that shows the first of them."""

    async def partly(ids: Ids, call: Call) -> Answers:
        clock.advance(0.25)
        return {
            A: a_reading(A),
            B: Unreadable(ServiceOverloaded("busy", status=503)),
            C: Unreadable(ContractViolation("negative")),
        }

    await RecordingLayer(ScriptedPort(partly), clock, log_signal).read([A, B, C], CALL)

    [record] = caplog.records
    assert logging.WARNING == record.levelno
    assert {
        "event": "inventory.call",
        "operation": "read",
        "variants": 3,
        "attempt": 2,
        "correlation_id": "page-17",
        "waiters": (),
        "duration": 0.25,
        "outcome": "partial",
        "unreadable": 2,
        "error": "ServiceOverloaded",
        "detail": "busy",
        "status": 503,
        "scope": "service",
    } == fields(record)
    assert (
        "reading the stock of 3 variants took 0.250 s at attempt 2, but 2 could not be read: busy "
        "(correlation id page-17)" == record.getMessage()
    )


async def test_a_caller_that_left(caplog: pytest.LogCaptureFixture, clock: ManualClock) -> None:
    """A cancelled attempt makes a record, too: the service may have received it."""

    class Hanging(ScriptedPort):
        async def read(self, ids: Ids, call: Call) -> Answers:
            await asyncio.Event().wait()
            return {}

        async def initialize(self, request: InitialStock, call: Call) -> Initialized:
            await asyncio.Event().wait()
            return await super().initialize(request, call)

    layer = RecordingLayer(Hanging(), clock, log_signal)
    tasks = [
        asyncio.ensure_future(layer.read([A, B], CALL)),
        asyncio.ensure_future(layer.initialize(an_initial_stock(A), CALL)),
    ]
    await asyncio.sleep(0)
    clock.advance(0.25)
    for task in tasks:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert [logging.WARNING] * 2 == [record.levelno for record in caplog.records]
    assert [
        {
            "event": "inventory.call",
            "operation": operation,
            "variants": variants,
            "attempt": 2,
            "correlation_id": "page-17",
            "waiters": (),
            "duration": 0.25,
            "outcome": "left",
            "unreadable": 0,
            "error": None,
            "detail": None,
            "status": None,
            "scope": None,
        }
        for operation, variants in (("read", 2), ("initialize", 1))
    ] == [fields(record) for record in caplog.records]
    assert [
        f"{doing} was abandoned after 0.250 s at attempt 2: the caller left before the answer "
        "(correlation id page-17)"
        for doing in ("reading the stock of 2 variants", "opening an inventory record")
    ] == [record.getMessage() for record in caplog.records]


async def test_switched_off(caplog: pytest.LogCaptureFixture) -> None:
    """Above INFO, answers leave no record."""
    caplog.set_level(logging.WARNING, "shelfport.calls")
    layer = RecordingLayer(ScriptedPort(), ManualClock(), log_signal)

    await layer.read([A], CALL)
    await layer.initialize(an_initial_stock(A), CALL)

    assert [] == caplog.records


async def test_nothing_asked(caplog: pytest.LogCaptureFixture) -> None:
    """No ids, no call, no record."""
    assert {} == await RecordingLayer(ScriptedPort(), ManualClock(), log_signal).read([], CALL)
    assert [] == caplog.records
