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
def test_retryable_and_reached_service(
    kind: type[InventoryError], retryable: bool, reached: ReachedService
) -> None:
    """Every error says whether it may pass by itself, and whether the request arrived."""
    error = kind("a sentence")

    assert (retryable, reached) == (error.retryable, error.reached_service)


def test_every_error_is_public() -> None:
    """Every error class is exported, so that a host can catch it by name."""
    todo, tree = [InventoryError], set()
    while todo:
        kind = todo.pop()
        if kind.__module__.startswith("shelfport."):
            tree.add(kind.__name__)
        todo.extend(kind.__subclasses__())

    assert tree <= set(errors.__all__)


def test_reached_service_can_be_passed() -> None:
    """A `reached_service` that is passed replaces the default of the class."""
    error = ConnectionFailed("refused", reached_service=NO)

    assert NO is error.reached_service


def test_message() -> None:
    """The text of an error is its message."""
    assert "it broke" == str(TimedOut("it broke", ids=(an_id(1),), correlation_id="c"))


@pytest.mark.parametrize("again", [copy.copy, lambda e: pickle.loads(pickle.dumps(e))])
def test_copies_and_pickles(again: object) -> None:
    """An error keeps its attributes when it is copied or pickled."""
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


def test_defaults_of_an_error() -> None:
    """Only the message is required; the default is one attempt."""
    assert {
        "operation": None,
        "ids": (),
        "correlation_id": None,
        "attempts": 1,
        "status": None,
        "retry_after": None,
    } == vars(TimedOut("late"))


def test_attributes_of_an_error() -> None:
    """An error has the operation, variants, correlation id, attempts, status and `retry_after`."""
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
def test_another_message(reached: ReachedService) -> None:
    """`with_message` makes a new error that differs in its message alone, kept to one line."""
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

    other = error.with_message("busy;\nread afterwards")

    assert ServiceOverloaded is type(other)
    assert ("busy", "busy; read afterwards") == (str(error), str(other))
    assert vars(error) == vars(other)
    assert reached is other.reached_service


def test_a_message_is_one_line() -> None:
    """Line breaks and control characters in a message become blanks."""
    error = ConnectionFailed("down\r\nERROR forged \x1b[31m\u2028\u202e\ud800 end")

    assert "down ERROR forged  [31m    end" == str(error)
