import copy
import pickle
import re
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from shelfport import InventoryError, UnavailableReason, errors
from shelfport.errors import (
    AdapterFault,
    CircuitOpen,
    Conflict,
    ConnectionFailed,
    ContractViolation,
    CredentialsUnavailable,
    DeadlineExceeded,
    FaultScope,
    InsecureConnection,
    LocalRefusal,
    Operation,
    OperationInProgress,
    OverloadedHere,
    PathFailed,
    PermanentError,
    QueueFailed,
    ReachedService,
    RequestBlocked,
    RequestRejected,
    ServiceFailed,
    ServiceOverloaded,
    TimedOut,
    TransientError,
    Unauthorized,
)
from tests.support.values import an_id


def every_kind() -> Iterator[type[InventoryError]]:
    """Yield `InventoryError` and every subclass in the library."""
    todo = [InventoryError]
    while todo:
        kind = todo.pop()
        if kind.__module__.startswith("shelfport."):
            yield kind
        todo.extend(kind.__subclasses__())


ROOT = Path(__file__).parents[3]
EVERY_KIND = set(every_kind())
MERE_KINDS = {InventoryError, TransientError, LocalRefusal, PermanentError}
"""Errors that are never raised themselves."""
YES, NO, UNKNOWN = ReachedService.YES, ReachedService.NO, ReachedService.UNKNOWN


@pytest.mark.parametrize(
    ("kind", "retryable", "reached", "scope"),
    [
        (TimedOut, True, UNKNOWN, FaultScope.SERVICE),
        (ConnectionFailed, True, UNKNOWN, FaultScope.SERVICE),
        (CredentialsUnavailable, True, NO, FaultScope.CREDENTIALS),
        (ServiceOverloaded, True, YES, FaultScope.SERVICE),
        (ServiceFailed, True, UNKNOWN, FaultScope.SERVICE),
        (PathFailed, True, UNKNOWN, FaultScope.PATH),
        (RequestBlocked, True, UNKNOWN, FaultScope.REQUEST),
        (OperationInProgress, True, YES, FaultScope.REQUEST),
        (CircuitOpen, True, NO, FaultScope.PROCESS),
        (OverloadedHere, True, NO, FaultScope.PROCESS),
        (DeadlineExceeded, True, UNKNOWN, FaultScope.CALLER),
        (RequestRejected, False, YES, FaultScope.REQUEST),
        (Conflict, False, YES, FaultScope.REQUEST),
        (Unauthorized, False, YES, FaultScope.CREDENTIALS),
        (InsecureConnection, False, NO, FaultScope.PATH),
        (ContractViolation, False, YES, FaultScope.SERVICE),
        (AdapterFault, False, UNKNOWN, FaultScope.PROCESS),
        (QueueFailed, True, UNKNOWN, FaultScope.PROCESS),
    ],
)
def test_the_three_questions(
    kind: type[InventoryError], retryable: bool, reached: ReachedService, scope: FaultScope
) -> None:
    """Every error says whether it may pass, whether the request arrived, and whose fault it is."""
    error = kind("a sentence")

    assert (retryable, reached, scope) == (error.retryable, error.reached_service, error.scope)
    assert kind in EVERY_KIND


@pytest.mark.parametrize(
    ("kind", "reason"),
    [(PathFailed, UnavailableReason.UNREACHABLE), (RequestBlocked, UnavailableReason.REJECTED)],
)
def test_what_a_page_shows(kind: type[InventoryError], reason: UnavailableReason) -> None:
    """A fault of the way shows the service as unreachable, and a blocked request as rejected."""
    assert reason is kind.reason


def test_the_breaker_counts_the_service_and_the_way_to_it() -> None:
    """Only faults of the service, and of the way to it, are counted by the circuit breaker."""
    assert [FaultScope.PATH, FaultScope.SERVICE] == [s for s in FaultScope if s.of_service]


def test_every_error_is_public() -> None:
    """Every error class is exported, so that a host can catch it by name."""
    assert {kind.__name__ for kind in EVERY_KIND} <= set(errors.__all__)


@pytest.mark.parametrize("scope", FaultScope)
def test_the_documents_name_the_scope_of_every_error(scope: FaultScope) -> None:
    """The table in docs/errors.md has every error that is raised, in the row of its scope."""
    page = (ROOT / "docs" / "errors.md").read_text("utf-8")
    [row] = re.findall(rf"^\| `{scope.name}` \|.*\|(.*)\|$", page, re.MULTILINE)

    assert {kind.__name__ for kind in EVERY_KIND - MERE_KINDS if kind.scope is scope} == set(
        re.findall(r"\[`(\w+)`\]", row)
    )


def test_reached_service_and_scope_can_be_passed() -> None:
    """A `reached_service` and a `scope` that are passed replace the defaults of the class."""
    error = ConnectionFailed("refused", reached_service=NO, scope=FaultScope.PATH)

    assert (NO, FaultScope.PATH) == (error.reached_service, error.scope)
    assert (UNKNOWN, FaultScope.SERVICE) == (
        ConnectionFailed.reached_service,
        ConnectionFailed.scope,
    )


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
        scope=FaultScope.PATH,
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
    """An error has every attribute that it was made with."""
    error = ServiceOverloaded(
        "busy",
        operation=Operation.READ,
        ids=[an_id(2), an_id(1)],
        correlation_id="c",
        attempts=3,
        reached_service=UNKNOWN,
        scope=FaultScope.PATH,
        status=503,
        retry_after=2.5,
    )

    assert {
        "operation": Operation.READ,
        "ids": (an_id(2), an_id(1)),
        "correlation_id": "c",
        "attempts": 3,
        "reached_service": UNKNOWN,
        "scope": FaultScope.PATH,
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
        scope=FaultScope.PATH,
        status=503,
        retry_after=2.5,
    )

    other = error.with_message("busy;\nread afterwards")

    assert ServiceOverloaded is type(other)
    assert ("busy", "busy; read afterwards") == (str(error), str(other))
    assert vars(error) == vars(other)
    assert reached is other.reached_service


def fail() -> None:
    raise ServiceOverloaded(
        "busy", ids=[an_id(1)], attempts=3, scope=FaultScope.PATH, retry_after=2.5
    ) from KeyError("cause")


def failed() -> ServiceOverloaded:
    with pytest.raises(ServiceOverloaded) as info:
        fail()
    return info.value


def test_the_same_failure_again() -> None:
    """`again` makes a new error with the same sentence, attributes and cause."""
    error = failed()

    again = error.again()

    assert again is not error
    assert (ServiceOverloaded, "busy") == (type(again), str(again))
    assert vars(error) == vars(again)
    assert vars(error) is not vars(again)
    assert error.__cause__ is again.__cause__
    assert again.__traceback__ is None


def test_the_same_failure_for_many_callers() -> None:
    """Raising the same failure again for each caller lengthens no traceback."""
    error = failed()
    frames = len(traceback.extract_tb(error.__traceback__))

    for _ in range(3):
        with pytest.raises(ServiceOverloaded) as info:
            raise error.again()
        assert 1 == len(traceback.extract_tb(info.value.__traceback__))

    assert frames == len(traceback.extract_tb(error.__traceback__))


def test_another_message_keeps_the_cause() -> None:
    """`with_message` keeps the underlying error."""
    error = failed()

    assert error.__cause__ is error.with_message("busy; read afterwards").__cause__


def test_a_message_is_one_line() -> None:
    """Line breaks and control characters in a message become blanks."""
    error = ConnectionFailed("down\r\nERROR forged \x1b[31m\u2028\u202e\ud800 end")

    assert "down ERROR forged  [31m    end" == str(error)
