import copy
import pickle

import pytest

from shelfport import InventoryError, errors
from shelfport.errors import (
    AdapterFault,
    CircuitOpen,
    Conflict,
    ConnectionFailed,
    ContractViolation,
    DeadlineExceeded,
    Operation,
    OperationInProgress,
    OverloadedHere,
    QueueFailed,
    ReachedService,
    RequestRejected,
    ServiceFailed,
    ServiceOverloaded,
    TimedOut,
    Unauthorized,
)
from tests.support.values import an_id

YES, NO, UNKNOWN = ReachedService.YES, ReachedService.NO, ReachedService.UNKNOWN


@pytest.mark.parametrize(
    ("kind", "retryable", "reached"),
    [
        (TimedOut, True, UNKNOWN),
        (ConnectionFailed, True, UNKNOWN),
        (ServiceOverloaded, True, YES),
        (ServiceFailed, True, UNKNOWN),
        (OperationInProgress, True, YES),
        (CircuitOpen, True, NO),
        (OverloadedHere, True, NO),
        (DeadlineExceeded, True, UNKNOWN),
        (RequestRejected, False, YES),
        (Conflict, False, YES),
        (Unauthorized, False, YES),
        (ContractViolation, False, YES),
        (AdapterFault, False, UNKNOWN),
        (QueueFailed, True, UNKNOWN),
    ],
)
def test_two_questions(
    kind: type[InventoryError], retryable: bool, reached: ReachedService
) -> None:
    """Every error says whether it may pass by itself, and whether the request arrived."""
    error = kind("a sentence")

    assert (retryable, reached) == (error.retryable, error.reached_service)


def test_every_error_is_public() -> None:
    """Whoever catches one of them can name it: the whole tree is exported."""
    todo, tree = [InventoryError], set()
    while todo:
        kind = todo.pop()
        tree.add(kind.__name__)
        todo.extend(kind.__subclasses__())

    assert tree <= set(errors.__all__)


def test_what_is_known_can_be_said() -> None:
    """Where it is known that nothing was sent, the error says so in place of its class."""
    error = ConnectionFailed("refused", reached_service=NO)

    assert NO is error.reached_service


def test_message() -> None:
    """The text of an error is its sentence and nothing else."""
    assert "it broke" == str(TimedOut("it broke", ids=(an_id(1),), correlation_id="c"))


@pytest.mark.parametrize("again", [copy.copy, lambda e: pickle.loads(pickle.dumps(e))])
def test_survives_a_journey(again: object) -> None:
    """An error keeps what it knows when it is copied, or sent to another process."""
    error = ServiceOverloaded(
        "busy",
        operation=Operation.READ,
        ids=(an_id(1),),
        correlation_id="c",
        attempts=3,
        status=503,
        retry_after=2.0,
    )

    assert callable(again)
    assert (error.args, vars(error)) == ((got := again(error)).args, vars(got))


def test_an_error_that_knows_nothing() -> None:
    """Beside its sentence an error has to know nothing; it is then about one attempt."""
    assert {
        "operation": None,
        "ids": (),
        "correlation_id": None,
        "attempts": 1,
        "status": None,
        "retry_after": None,
    } == vars(TimedOut("late"))


def test_what_an_error_knows() -> None:
    """An error says what was asked, of which variants, by whom, how often, and what came back."""
    error = ServiceOverloaded(
        "busy",
        operation=Operation.READ,
        ids=[an_id(2), an_id(1)],
        correlation_id="c",
        attempts=3,
        reached_service=UNKNOWN,
        status=503,
        retry_after=2.5,
    )

    assert {
        "operation": Operation.READ,
        "ids": (an_id(2), an_id(1)),
        "correlation_id": "c",
        "attempts": 3,
        "reached_service": UNKNOWN,
        "status": 503,
        "retry_after": 2.5,
    } == vars(error)
    assert "busy" == str(error)


@pytest.mark.parametrize("reached", list(ReachedService))
def test_about_another_call(reached: ReachedService) -> None:
    """The same failure of another call is a new error that knows that call, and all of the rest."""
    error = ServiceOverloaded(
        "busy",
        operation=Operation.READ,
        ids=[an_id(1)],
        correlation_id="c",
        attempts=3,
        reached_service=reached,
        status=503,
        retry_after=2.5,
    )

    other = error.about(Operation.INITIALIZE, [an_id(2)], correlation_id="d", attempts=4)

    assert ServiceOverloaded is type(other)
    assert "busy" == str(other)
    assert {
        "operation": Operation.INITIALIZE,
        "ids": (an_id(2),),
        "correlation_id": "d",
        "attempts": 4,
        "reached_service": reached,
        "status": 503,
        "retry_after": 2.5,
    } == vars(other)
    assert ("c", 3, (an_id(1),)) == (error.correlation_id, error.attempts, error.ids)


def test_a_message_is_one_line() -> None:
    """Whatever an adapter says, its error cannot begin a record of its own, or obey a terminal."""
    error = ConnectionFailed("down\r\nERROR forged \x1b[31m\u2028\u202e\ud800 end")

    assert "down ERROR forged  [31m    end" == str(error)
