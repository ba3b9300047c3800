"""`FaultScope`, the scope of each error, and copies of an error for other callers."""

import copy

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
    OperationInProgress,
    OverloadedHere,
    PathFailed,
    PermanentError,
    QueueFailed,
    ReachedService,
    RequestBlocked,
    RequestRejected,
    SchemaDiffers,
    ServiceFailed,
    ServiceOverloaded,
    TimedOut,
    TransientError,
    Unauthorized,
)
from tests.support.values import an_id

SCOPES: dict[type[InventoryError], FaultScope] = {
    InventoryError: FaultScope.SERVICE,
    TransientError: FaultScope.SERVICE,
    TimedOut: FaultScope.SERVICE,
    ConnectionFailed: FaultScope.SERVICE,
    ServiceOverloaded: FaultScope.SERVICE,
    ServiceFailed: FaultScope.SERVICE,
    ContractViolation: FaultScope.SERVICE,
    PathFailed: FaultScope.PATH,
    InsecureConnection: FaultScope.PATH,
    RequestBlocked: FaultScope.REQUEST,
    OperationInProgress: FaultScope.REQUEST,
    PermanentError: FaultScope.REQUEST,
    RequestRejected: FaultScope.REQUEST,
    Conflict: FaultScope.REQUEST,
    CredentialsUnavailable: FaultScope.CREDENTIALS,
    Unauthorized: FaultScope.CREDENTIALS,
    LocalRefusal: FaultScope.PROCESS,
    CircuitOpen: FaultScope.PROCESS,
    OverloadedHere: FaultScope.PROCESS,
    AdapterFault: FaultScope.PROCESS,
    QueueFailed: FaultScope.PROCESS,
    SchemaDiffers: FaultScope.PROCESS,
    DeadlineExceeded: FaultScope.CALLER,
}


def test_every_error_has_a_scope() -> None:
    """Each error class says whose fault it is."""
    kinds = [getattr(errors, name) for name in errors.__all__]

    found = [k for k in kinds if isinstance(k, type) and issubclass(k, InventoryError)]

    assert {kind: kind.scope for kind in found} == SCOPES


@pytest.mark.parametrize("scope", list(FaultScope))
def test_the_scope_of_one_error(scope: FaultScope) -> None:
    """A scope that is passed replaces the default of the class, for that error alone."""
    assert scope is ServiceFailed("500", scope=scope).scope
    assert FaultScope.SERVICE is ServiceFailed("500").scope


def test_what_the_circuit_breaker_counts() -> None:
    """Faults of the service and of the way to it are of the service; all others are not."""
    assert {FaultScope.SERVICE, FaultScope.PATH} == {s for s in FaultScope if s.of_service}


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (PathFailed, UnavailableReason.UNREACHABLE),
        (RequestBlocked, UnavailableReason.REJECTED),
    ],
)
def test_faults_on_the_way(kind: type[InventoryError], reason: UnavailableReason) -> None:
    """What something on the way answers may pass by itself, and may have arrived."""
    error = kind("a page of HTML")

    assert (True, reason) == (error.retryable, error.reason)
    assert ReachedService.UNKNOWN is error.reached_service


def an_error() -> ServiceOverloaded:
    return ServiceOverloaded(
        "busy",
        ids=(an_id(1),),
        correlation_id="c",
        attempts=2,
        scope=FaultScope.PATH,
        status=503,
        retry_after=2.0,
    )


def test_the_same_failure_again() -> None:
    """`again` makes another error of the same class with the same message and attributes."""
    error = an_error()

    again = error.again()

    assert again is not error
    assert (ServiceOverloaded, "busy", vars(error)) == (type(again), str(again), vars(again))


def test_the_cause_is_kept() -> None:
    """`again` keeps the cause, and begins a traceback of its own."""
    error, cause = an_error(), OSError("reset")
    try:
        raise error from cause
    except ServiceOverloaded:
        again = error.again()

    assert cause is again.__cause__
    assert (True, None) == (error.__traceback__ is not None, again.__traceback__)


def test_raised_again_and_again() -> None:
    """The traceback of a shared error does not grow with the callers who get it."""
    error = an_error()
    for _ in range(3):
        with pytest.raises(ServiceOverloaded):
            raise error.again()

    assert error.__traceback__ is None


def test_a_change_of_a_copy() -> None:
    """What is set on a copy does not change the error."""
    error = an_error()
    before = copy.copy(vars(error))

    again = error.again()
    again.scope, again.ids, again.reached_service = FaultScope.PROCESS, (), ReachedService.NO

    assert before == vars(error)
    assert FaultScope.PATH is error.scope


def test_another_message_keeps_the_cause() -> None:
    """`with_message` keeps the cause and the scope as well."""
    error = an_error()
    error.__cause__ = cause = OSError("reset")

    other = error.with_message("busy; read afterwards")

    assert (cause, FaultScope.PATH) == (other.__cause__, other.scope)
