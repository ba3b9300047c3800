import pytest

from shelfport import (
    STOCK_INFORMATION_UNAVAILABLE,
    InventoryError,
    Unavailable,
    UnavailableReason,
)
from shelfport.domain.services import StockLookup
from shelfport.errors import (
    AdapterFault,
    CircuitOpen,
    Conflict,
    ConnectionFailed,
    ContractViolation,
    DeadlineExceeded,
    OperationInProgress,
    OverloadedHere,
    RequestRejected,
    ServiceFailed,
    ServiceOverloaded,
    TimedOut,
    Unauthorized,
)
from shelfport.ports import (
    DEFAULT_CALL,
    Call,
    UnknownVariant,
    Unreadable,
)
from tests.support.ports import Answers, Ids, ScriptedPort, raising
from tests.support.values import a_reading, an_id

A, B, C = an_id(1), an_id(2), an_id(3)


async def test_answers_become_availabilities() -> None:
    """A reading is shown as it is; unknown and unreadable variants are unavailable, and say why."""

    async def script(ids: Ids, call: Call) -> Answers:
        return {A: a_reading(A), B: UnknownVariant(B), C: Unreadable(TimedOut("late"))}

    lookup = StockLookup(ScriptedPort(script))

    assert {
        A: a_reading(A),
        B: Unavailable(UnavailableReason.UNKNOWN_VARIANT),
        C: Unavailable(UnavailableReason.TIMED_OUT),
    } == await lookup.get_stock_levels((A, B, C), DEFAULT_CALL)


async def test_a_page_of_readings_is_the_answer_of_the_port() -> None:
    """A page of readings alone is returned as the port returned it, without a copy."""
    answers: Answers = {A: a_reading(A), B: a_reading(B)}

    async def script(ids: Ids, call: Call) -> Answers:
        return answers

    assert answers is await StockLookup(ScriptedPort(script)).get_stock_levels((A, B), DEFAULT_CALL)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (TimedOut, UnavailableReason.TIMED_OUT),
        (ConnectionFailed, UnavailableReason.UNREACHABLE),
        (ServiceOverloaded, UnavailableReason.OVERLOADED),
        (ServiceFailed, UnavailableReason.SERVICE_FAILED),
        (CircuitOpen, UnavailableReason.CIRCUIT_OPEN),
        (RequestRejected, UnavailableReason.REJECTED),
        (Unauthorized, UnavailableReason.UNAUTHORIZED),
        (ContractViolation, UnavailableReason.CONTRACT_VIOLATION),
        (OperationInProgress, UnavailableReason.OVERLOADED),
        (OverloadedHere, UnavailableReason.OVERLOADED),
        (DeadlineExceeded, UnavailableReason.TIMED_OUT),
        (Conflict, UnavailableReason.REJECTED),
        (AdapterFault, UnavailableReason.ADAPTER_FAULT),
    ],
)
async def test_no_outage_raises(error: type[InventoryError], reason: UnavailableReason) -> None:
    """In an outage a page has a value for each variant, in the order of the request."""
    lookup = StockLookup(ScriptedPort(raising(error("it failed"))))

    page = await lookup.get_stock_levels((B, A, B), DEFAULT_CALL)

    assert [(B, Unavailable(reason)), (A, Unavailable(reason))] == list(page.items())


async def test_bugs_are_not_outages() -> None:
    """An exception that is not an InventoryError is a bug, and is raised."""
    lookup = StockLookup(ScriptedPort(raising(KeyError("bug"))))

    with pytest.raises(KeyError):
        await lookup.get_stock_levels((A,), DEFAULT_CALL)


async def test_one_variant() -> None:
    """One variant is read like a page of one."""
    port = ScriptedPort()

    assert a_reading(A) == await StockLookup(port).get_stock_level(A, DEFAULT_CALL)
    assert port.reads == [([A], DEFAULT_CALL)]


def test_the_words_of_the_page() -> None:
    """The text of an unavailable variant is the one that the requirement gives (R18)."""
    assert "Stock information unavailable" == STOCK_INFORMATION_UNAVAILABLE
    assert str(Unavailable(UnavailableReason.TIMED_OUT)) == STOCK_INFORMATION_UNAVAILABLE
