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
    """It answered, so it may have acted."""
    NO = "no"
    """Nothing was sent: whoever asked may forget it, or ask again."""
    UNKNOWN = "unknown"
    """It was sent, or part of it, and nobody answered."""


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
    """No answer within the time for one attempt. The request may have arrived.

    Cause: the service is slower than `http.attempt_timeout`, or a connection hangs.

    What to do: nothing in the caller: reads are repeated and then shown stale. If it lasts, ask
    `shelfport check` how long one read takes, and look at the service; raise
    `http.attempt_timeout` only if its usual answers take that long.
    """

    reason = UnavailableReason.TIMED_OUT


class ConnectionFailed(TransientError):
    """No connection, or one that broke. `reached_service` is NO only if nothing was sent.

    Cause: nobody listens at the address, a name that does not resolve, a firewall, a service that
    restarts.

    What to do: `shelfport check` tells DNS, TCP and TLS apart. A restart passes by itself; a wrong
    `base_url` does not.
    """

    reason = UnavailableReason.UNREACHABLE


class CredentialsUnavailable(TransientError):
    """No credentials could be had for the request, so it was not sent.

    Cause: the authorization server at `auth.token_url` is down or slow, or the host's own `secret`
    failed.

    What to do: look at the authorization server; the sentence quotes its error code. What waits in
    the queue is done once tokens come again.
    """

    reason = UnavailableReason.UNREACHABLE
    reached_service = ReachedService.NO


class ServiceOverloaded(TransientError):
    """The service asks for patience: 429 or 503.

    Cause: it has more to do than it can, or is being deployed. `retry_after` is what it asked for.

    What to do: nothing at once: `Retry-After` is kept. If it lasts, lower `limit.max_concurrency`, or
    raise `cache.ttl`, so that this process asks less.
    """

    reason = UnavailableReason.OVERLOADED
    reached_service = ReachedService.YES


class ServiceFailed(TransientError):
    """The service, or a gateway before it, failed: another 5xx. A write may have happened.

    Cause: a bug or an outage over there; `status` is the code.

    What to do: give the team of the service the correlation id, under which it finds the request.
    """

    reason = UnavailableReason.SERVICE_FAILED
    reached_service = ReachedService.UNKNOWN


class OperationInProgress(TransientError):
    """The service is still at work on this idempotency key: 409 `in-progress`.

    Cause: an earlier attempt at the same operation has not ended.

    What to do: ask again under the same key, as the retries and the queue do; never under a new
    one.
    """

    reason = UnavailableReason.OVERLOADED
    reached_service = ReachedService.YES


class LocalRefusal(InventoryError):
    """This process did not ask, or no longer waits. Never retried inside the stack."""

    retryable = True
    reached_service = ReachedService.NO


class CircuitOpen(LocalRefusal):
    """The circuit breaker is open: the service failed often enough a moment ago.

    Cause: too many of the latest requests failed (`breaker.failure_rate_threshold`) or were slow
    (`breaker.slow_call_rate_threshold`), or an operator holds it open.

    What to do: look for what opened it: the record `inventory.circuit_breaker` says why. It tries the
    service again by itself after `breaker.open_duration`; `snapshot().circuit` says when.
    """

    reason = UnavailableReason.CIRCUIT_OPEN


class OverloadedHere(LocalRefusal):
    """As many requests are under way, and as many wait, as this process allows.

    Cause: more callers than `limit.max_concurrency` and `limit.max_queue` let through, mostly because the
    service is slow.

    What to do: look at the service's duration first. Raise `limit.max_concurrency` only if the service is
    quick and can bear it, or run more processes.
    """

    reason = UnavailableReason.OVERLOADED


class DeadlineExceeded(LocalRefusal):
    """The caller's deadline passed. An attempt may have arrived before it did.

    Cause: the service, the queue before it and the pauses together took longer than `deadline=` or
    the setting `deadline`.

    What to do: a page needs nothing: it shows what is kept. A write: repeat it under the same
    idempotency key, or use a policy that queues.
    """

    reason = UnavailableReason.TIMED_OUT
    reached_service = ReachedService.UNKNOWN


class PermanentError(InventoryError):
    """It will not pass by itself: a person has to change a setting, a contract or a request."""

    retryable = False
    reached_service = ReachedService.YES


class RequestRejected(PermanentError):
    """The service does not accept the request: 400 and other 4xx, a redirect, a foreign 404.

    Cause: a `base_url` that leads elsewhere, a service of another version, or a request that is
    wrong.

    What to do: `shelfport check` tells a wrong address; `shelfport contracts verify` tells whether
    the service keeps the contract. The sentence quotes what the service said.
    """

    reason = UnavailableReason.REJECTED


class Conflict(PermanentError):
    """The idempotency key was used for another request: 422 `key-reused`.

    Cause: the host gave one `idempotency_key` to two operations, or changed the quantities of one.

    What to do: one key for one operation with the same numbers; a new operation gets a new key.
    """

    reason = UnavailableReason.REJECTED


class Unauthorized(PermanentError):
    """The credentials are missing, wrong or not enough: 401, 403, or our certificate refused.

    Cause: a token or certificate that expired, was withdrawn, or was never set.

    What to do: renew what `auth.*` or `tls.*` names; a file is read again within
    `http.file_poll_interval` seconds, so no restart is needed.
    """

    reason = UnavailableReason.UNAUTHORIZED


class InsecureConnection(PermanentError):
    """No secure connection: the service's certificate cannot be trusted, or its TLS is too old.

    Permanent, though a host of a fleet may be the only one that is set up so: a certificate does
    not get better by asking again, and whoever stands between must not get a second chance.

    Cause: an expired or self-signed certificate, a private authority that `tls.ca_file` does not
    name, another host name, TLS below `tls.minimum`.

    What to do: the check `tls` of `shelfport check` says which; mend the certificate or name its
    authority. There is no switch that trusts everybody.
    """

    reason = UnavailableReason.UNREACHABLE
    reached_service = ReachedService.NO


class AdapterFault(PermanentError):
    """An adapter broke the port's obligations: a bug in it, and nothing that the service did.

    Cause: an adapter of another package raised what it must not, or answered what was not asked.

    What to do: report it to whoever wrote the adapter, with the ERROR record
    `inventory.adapter_fault`; they run the conformance suite.
    """

    reason = UnavailableReason.ADAPTER_FAULT
    reached_service = ReachedService.UNKNOWN


class ContractViolation(PermanentError):
    """The service answered, but not as inventory-service.yaml promises.

    Cause: a service of another version, a proxy that answers with a page of its own, a body cut
    short.

    What to do: `shelfport contracts verify` on that service shows what is not as promised; the
    sentence names the field.
    """

    reason = UnavailableReason.CONTRACT_VIOLATION


class QueueFailed(InventoryError):
    """The queue of initialisations cannot be used: nothing was stored, or nobody knows.

    Cause: the sentence says what is wrong with it: locked, full, read-only, unreachable, or of
    another schema; the driver's error is the `__cause__`.

    What to do: mend the database, or run `shelfport queue migrate`. Storing again under the same
    key is safe.
    """

    retryable = True
    reached_service = ReachedService.UNKNOWN
