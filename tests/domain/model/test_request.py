"""`RequestContext`, and the errors that it makes."""

import pytest

from shelfport import ProductVariantId
from shelfport.domain.model import RequestContext
from shelfport.errors import FaultScope, Operation, ReachedService, ServiceOverloaded, TimedOut
from shelfport.ports import Call
from tests.support.values import an_id

CONTEXT = RequestContext(Operation.INITIALIZE, [an_id(2)], Call(correlation_id="d", attempt=4))
ABOUT: dict[str, Operation | tuple[ProductVariantId, ...] | str | int] = {
    "operation": Operation.INITIALIZE,
    "ids": (an_id(2),),
    "correlation_id": "d",
    "attempts": 4,
}


def test_an_error_about_a_request() -> None:
    """An error carries the operation, the variants and the call of its request."""
    error = CONTEXT.error(TimedOut, "too slow")

    assert (TimedOut, "too slow") == (type(error), str(error))
    assert {**ABOUT, "status": None, "retry_after": None} == vars(error)
    assert (TimedOut.reached_service, TimedOut.scope) == (error.reached_service, error.scope)


def test_an_error_of_another_scope() -> None:
    """A scope that is passed replaces the one of the class."""
    error = CONTEXT.error(TimedOut, "too slow", scope=FaultScope.PROCESS)

    assert FaultScope.PROCESS is error.scope
    assert FaultScope.SERVICE is TimedOut.scope


@pytest.mark.parametrize("reached", list(ReachedService))
def test_the_same_failure_of_another_request(reached: ReachedService) -> None:
    """A repeated error keeps class, sentence, scope and answer, and carries the other request."""
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

    other = CONTEXT.repeated(error)

    assert (ServiceOverloaded, "busy") == (type(other), str(other))
    assert {
        **ABOUT,
        "reached_service": reached,
        "scope": FaultScope.PATH,
        "status": 503,
        "retry_after": 2.5,
    } == vars(other)
    assert ("c", 3, (an_id(1),)) == (error.correlation_id, error.attempts, error.ids)
