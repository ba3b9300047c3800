"""Why the Inventory Service gave no answer: one tree, and two questions it answers at once.

*May I retry?* is the class: `TransientError` and `LocalRefusal` may pass by themselves,
`PermanentError` needs a person. *Did it arrive?* is `reached_service`, which decides whether a
write may have happened.
"""

from collections.abc import Sequence
from enum import Enum
from typing import ClassVar

from shelfport.domain.model.availability import UnavailableReason
from shelfport.domain.model.text import one_line
from shelfport.domain.model.variant import ProductVariantId


class Operation(Enum):
    """What was asked of the port."""

    READ = "read"
    INITIALIZE = "initialize"


class ReachedService(Enum):
    """Whether the request arrived: after `NO` no write happened, after `UNKNOWN` one may have."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class InventoryError(Exception):
    """The root of all that may go wrong between a host and the Inventory Service.

    The message is one sentence: what happened, and what to do where something can be done. It is
    one line without control characters, whoever's words it quotes: nobody can forge a record.
    What lies beneath (an aiohttp error, a decoding error) is the `__cause__`.
    """

    retryable: ClassVar[bool] = False
    """Whether the same request may succeed later with nobody changing anything."""
    reason: ClassVar[UnavailableReason] = UnavailableReason.SERVICE_FAILED
    """What a page's `Unavailable` says of it."""
    reached_service: ReachedService = ReachedService.UNKNOWN

    def __init__(
        self,
        message: str,
        *,
        operation: Operation | None = None,
        ids: Sequence[ProductVariantId] = (),
        correlation_id: str | None = None,
        attempts: int = 1,
        reached_service: ReachedService | None = None,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(one_line(message))
        self.operation = operation
        self.ids = tuple(ids)
        """The variants that the request was about."""
        self.correlation_id = correlation_id
        self.attempts = attempts
        """How many attempts were made, this one included."""
        if reached_service is not None:
            self.reached_service = reached_service
        self.status = status
        """The HTTP status, where the service answered with one."""
        self.retry_after = retry_after
        """Seconds after which the service asked to be asked again (RFC 9110 §10.2.3), if it did."""

    def about(
        self,
        operation: Operation,
        ids: Sequence[ProductVariantId],
        *,
        correlation_id: str | None,
        attempts: int,
    ) -> "InventoryError":
        """The same failure, befallen another call: a new error of this class with its sentence."""
        return type(self)(
            str(self),
            operation=operation,
            ids=ids,
            correlation_id=correlation_id,
            attempts=attempts,
            reached_service=self.reached_service,
            status=self.status,
            retry_after=self.retry_after,
        )


class TransientError(InventoryError):
    """It may pass by itself: worth another attempt, within the deadline and the budget."""

    retryable = True


class TimedOut(TransientError):
    """No answer within the time for one attempt. The request may have arrived."""

    reason = UnavailableReason.TIMED_OUT


class ConnectionFailed(TransientError):
    """No connection, or one that broke. `reached_service` is NO only if nothing was sent."""

    reason = UnavailableReason.UNREACHABLE


class CredentialsUnavailable(TransientError):
    """No credentials could be had for the request, so it was not sent."""

    reason = UnavailableReason.UNREACHABLE
    reached_service = ReachedService.NO


class ServiceOverloaded(TransientError):
    """The service asks for patience: 429 or 503."""

    reason = UnavailableReason.OVERLOADED
    reached_service = ReachedService.YES


class ServiceFailed(TransientError):
    """The service, or a gateway before it, failed: another 5xx. A write may have happened."""

    reason = UnavailableReason.SERVICE_FAILED
    reached_service = ReachedService.UNKNOWN


class OperationInProgress(TransientError):
    """The service is still at work on this idempotency key: 409 `in-progress`."""

    reason = UnavailableReason.OVERLOADED
    reached_service = ReachedService.YES


class LocalRefusal(InventoryError):
    """This process did not ask, or no longer waits. Never retried inside the stack."""

    retryable = True
    reached_service = ReachedService.NO


class CircuitOpen(LocalRefusal):
    """The circuit breaker is open: the service failed often enough a moment ago."""

    reason = UnavailableReason.CIRCUIT_OPEN


class OverloadedHere(LocalRefusal):
    """As many requests are under way, and as many wait, as this process allows."""

    reason = UnavailableReason.OVERLOADED


class DeadlineExceeded(LocalRefusal):
    """The caller's deadline passed. An attempt may have arrived before it did."""

    reason = UnavailableReason.TIMED_OUT
    reached_service = ReachedService.UNKNOWN


class PermanentError(InventoryError):
    """It will not pass by itself: a person has to change a setting, a contract or a request."""

    retryable = False
    reached_service = ReachedService.YES


class RequestRejected(PermanentError):
    """The service does not accept the request: 400 and other 4xx, a redirect, a foreign 404."""

    reason = UnavailableReason.REJECTED


class Conflict(PermanentError):
    """The idempotency key was used for another request: 422 `key-reused`."""

    reason = UnavailableReason.REJECTED


class Unauthorized(PermanentError):
    """The credentials are missing, wrong or not enough: 401, 403, or our certificate refused."""

    reason = UnavailableReason.UNAUTHORIZED


class InsecureConnection(PermanentError):
    """No secure connection: the service's certificate cannot be trusted, or its TLS is too old.

    Permanent, though a host of a fleet may be the only one that is set up so: a certificate does
    not get better by asking again, and whoever stands between must not get a second chance.
    """

    reason = UnavailableReason.UNREACHABLE
    reached_service = ReachedService.NO


class AdapterFault(PermanentError):
    """An adapter broke the port's obligations: a bug in it, and nothing that the service did."""

    reason = UnavailableReason.ADAPTER_FAULT
    reached_service = ReachedService.UNKNOWN


class ContractViolation(PermanentError):
    """The service answered, but not as inventory-service.yaml promises."""

    reason = UnavailableReason.CONTRACT_VIOLATION


class QueueFailed(InventoryError):
    """The queue of initialisations cannot be used: nothing was stored, or nobody knows.

    The sentence says what is wrong with it (locked, full, read-only, unreachable, of another
    schema); the driver's error is the `__cause__`. Storing again under the same key is safe.
    """

    retryable = True
    reached_service = ReachedService.UNKNOWN
