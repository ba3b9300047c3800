"""The errors of requests to the Inventory Service.

Each answers three questions. May the request succeed later? `TransientError` and `LocalRefusal` may
pass by themselves, `PermanentError` needs a person. Did it arrive, so that a write may have
happened (`reached_service`)? Which side is at fault (`scope`)? Everything else goes by the last.
"""

from collections.abc import Sequence
from typing import ClassVar, Self

from shelfport.domain.model.availability import UnavailableReason
from shelfport.domain.model.fault import FaultScope, Operation, ReachedService
from shelfport.domain.model.text import one_line
from shelfport.domain.model.variant import ProductVariantId


class InventoryError(Exception):
    """The root of all errors of requests to the Inventory Service.

    The message is one sentence: what happened and, if something can be done, what to do. It is one
    line without control characters, so that quoted text cannot forge a log record. The underlying
    error (of aiohttp, of decoding) is the `__cause__`.
    """

    retryable: ClassVar[bool] = False
    """Whether the same request may succeed later without any change."""
    reason: ClassVar[UnavailableReason] = UnavailableReason.SERVICE_FAILED
    """The reason in a page's `Unavailable`."""
    reached_service: ReachedService = ReachedService.UNKNOWN
    scope: FaultScope = FaultScope.SERVICE
    """Whose fault it is."""

    def __init__(
        self,
        message: str,
        *,
        operation: Operation | None = None,
        ids: Sequence[ProductVariantId] = (),
        correlation_id: str | None = None,
        attempts: int = 1,
        reached_service: ReachedService | None = None,
        scope: FaultScope | None = None,
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
        if scope is not None:
            self.scope = scope
        self.status = status
        """The HTTP status, where the service answered with one."""
        self.retry_after = retry_after
        """Seconds that the service asked to wait (`Retry-After`, RFC 9110 §10.2.3), if it did."""

    def with_message(self, message: str) -> Self:
        """The same failure of the same request: a new error of this class with another sentence."""
        error = self.again()
        error.args = (one_line(message),)
        return error

    def again(self) -> Self:
        """The same failure, to be raised to another caller: each `raise` lengthens a traceback."""
        error = type(self).__new__(type(self), *self.args)
        error.__dict__.update(self.__dict__)
        error.__cause__ = self.__cause__
        return error


class TransientError(InventoryError):
    """The failure may pass by itself: it is retried within the deadline and the retry budget."""

    retryable = True


class TimedOut(TransientError):
    """No answer within the time for one attempt. The request may have arrived.

    Cause: the service is slower than `http.attempt_timeout`, or a connection hangs.

    What to do: nothing in the caller: a read is repeated, then served stale. If it lasts, run
    `shelfport check`, which says how long a read takes, and look at the service; raise
    `http.attempt_timeout` only if the service's normal answers take that long.
    """

    reason = UnavailableReason.TIMED_OUT


class ConnectionFailed(TransientError):
    """There was no connection, or it broke. `reached_service` is NO only if no request was sent.

    Cause: no server listens at the address, the name does not resolve, a firewall blocks the
    connection, or the service restarts.

    What to do: run `shelfport check`, which checks DNS, TCP and TLS one by one. A restart passes by
    itself; a wrong `base_url` does not.
    """

    reason = UnavailableReason.UNREACHABLE


class CredentialsUnavailable(TransientError):
    """There were no credentials for the request, so it was not sent.

    Cause: the authorization server at `auth.token_url` is down or slow, or the host's own `secret`
    failed.

    What to do: look at the authorization server; the message quotes its error code. Queued
    initializations are done when tokens are available again.
    """

    reason = UnavailableReason.UNREACHABLE
    reached_service = ReachedService.NO
    scope = FaultScope.CREDENTIALS


class ServiceOverloaded(TransientError):
    """The service is overloaded or unavailable: it answered 429 or 503.

    Cause: too many requests, or a deployment of the service. `retry_after` is the time that it
    asked to wait.

    What to do: nothing at first: `Retry-After` is honoured. If it lasts, lower
    `limit.max_concurrency`, or raise `cache.ttl`, so that this process sends fewer requests.
    """

    reason = UnavailableReason.OVERLOADED
    reached_service = ReachedService.YES


class ServiceFailed(TransientError):
    """The service, or a gateway in front of it, failed: 408, or a 5xx other than 503.

    A write may have happened.

    Cause: a bug or an outage of the service; `status` is the code.

    What to do: give the service's team the correlation id, by which it finds the request.
    """

    reason = UnavailableReason.SERVICE_FAILED
    reached_service = ReachedService.UNKNOWN


class PathFailed(TransientError):
    """Not the service answered, but something before it; or its answer was damaged on the way.

    A redirect, a 404 that is not the service's, 405, 407, 421 or 425, a page of HTML, a body that
    is cut short or garbled.

    Cause: a router or proxy while the service is deployed, a captive portal, or a wrong `base_url`.

    What to do: nothing at first: reads are repeated, and queued initializations wait. If it lasts,
    run `shelfport check`, which finds a wrong address, and look at what is between this host and
    the service. The message quotes the answer.
    """

    reason = UnavailableReason.UNREACHABLE
    scope = FaultScope.PATH


class RequestBlocked(TransientError):
    """Something before the service refuses this request: a 4xx that is not the service's own.

    Cause: a web application firewall dislikes the request, or a proxy has a limit that it exceeds.

    What to do: look at the rules and limits of what is between this host and the service; the
    message quotes the answer. Queued initializations wait meanwhile.
    """

    reason = UnavailableReason.REJECTED
    scope = FaultScope.REQUEST


class OperationInProgress(TransientError):
    """The service still processes a request with this idempotency key: 409 `in-progress`.

    Cause: an earlier attempt at the same operation has not ended.

    What to do: repeat the request with the same key, as the retries and the queue do; never use a
    new key.
    """

    reason = UnavailableReason.OVERLOADED
    reached_service = ReachedService.YES
    scope = FaultScope.REQUEST


class LocalRefusal(InventoryError):
    """This process did not send the request, or stopped waiting. The stack never retries it."""

    retryable = True
    reached_service = ReachedService.NO
    scope = FaultScope.PROCESS


class CircuitOpen(LocalRefusal):
    """The circuit breaker is open, so the request was not sent.

    Cause: too many of the latest requests failed (`breaker.failure_rate_threshold`) or were slow
    (`breaker.slow_call_rate_threshold`), or an operator forces it open.

    What to do: find out why it opened: the log record `inventory.circuit_breaker` says it. After
    `breaker.open_duration` it probes the service; `snapshot().circuit_breaker` says when.
    """

    reason = UnavailableReason.CIRCUIT_OPEN


class OverloadedHere(LocalRefusal):
    """This process has as many pending and waiting requests as its settings allow.

    Cause: more callers than `limit.max_concurrency` and `limit.max_queue` admit, mostly because the
    service is slow.

    What to do: look at how long the service takes first. Raise `limit.max_concurrency` only if the
    service is fast and can take more load, or run more processes.
    """

    reason = UnavailableReason.OVERLOADED


class DeadlineExceeded(LocalRefusal):
    """The caller's deadline passed. An attempt may have arrived before.

    Cause: waiting for a slot, attempts and back-off together took longer than `deadline=` or the
    setting `deadline`.

    What to do: for a page nothing: it shows a cached reading, if there is one. Repeat a write with
    the same idempotency key, or use a policy that queues.
    """

    reason = UnavailableReason.TIMED_OUT
    reached_service = ReachedService.UNKNOWN
    scope = FaultScope.CALLER


class PermanentError(InventoryError):
    """The failure does not pass by itself: a person has to change something."""

    retryable = False
    reached_service = ReachedService.YES
    scope = FaultScope.REQUEST


class RequestRejected(PermanentError):
    """The service rejects the request: a 4xx with a problem document of its own.

    Cause: a service of another version, or an invalid request.

    What to do: run `shelfport contracts verify`, which finds deviations from the contract. The
    message quotes the service's answer.
    """

    reason = UnavailableReason.REJECTED


class Conflict(PermanentError):
    """The idempotency key was used for another request: 422 `key-reused`.

    Cause: the host used one `idempotency_key` for two operations, or changed the quantities of one.

    What to do: use one key for one operation with the same quantities, and a new key for a new one.
    """

    reason = UnavailableReason.REJECTED


class Unauthorized(PermanentError):
    """The credentials are missing, wrong or insufficient: 401, 403, or a refused certificate.

    Cause: a token or certificate has expired, was revoked, or was never set.

    What to do: renew the secret or certificate that `auth.*` or `tls.*` names; a file is read again
    within `http.file_poll_interval` seconds, without a restart.
    """

    reason = UnavailableReason.UNAUTHORIZED
    scope = FaultScope.CREDENTIALS


class InsecureConnection(PermanentError):
    """No secure connection: the service's certificate is not trusted, or its TLS is too old.

    It is not retried, as an impostor must not get a second chance.

    Cause: an expired or self-signed certificate, a private authority that `tls.ca_file` does not
    name, another host name, or a TLS version below `tls.minimum`.

    What to do: run `shelfport check`, whose check `tls` names the cause; correct the certificate or
    name its authority. No setting turns verification off.
    """

    reason = UnavailableReason.UNREACHABLE
    reached_service = ReachedService.NO
    scope = FaultScope.PATH


class AdapterFault(PermanentError):
    """An adapter broke the port's obligations: a bug of the adapter, not a failure of the service.

    Cause: an adapter of another package raised an exception that the port forbids, or returned
    answers for other variants.

    What to do: report it to the adapter's authors, with the ERROR record `inventory.adapter_fault`;
    the conformance suite reproduces it.
    """

    reason = UnavailableReason.ADAPTER_FAULT
    reached_service = ReachedService.UNKNOWN
    scope = FaultScope.PROCESS


class ContractViolation(PermanentError):
    """The service answered, but the answer breaks inventory-service.yaml.

    Cause: a service of another version. What a proxy answers, and a body that is cut short, are a
    `PathFailed`.

    What to do: run `shelfport contracts verify` on that service, which lists all deviations; the
    message names the member.
    """

    reason = UnavailableReason.CONTRACT_VIOLATION
    scope = FaultScope.SERVICE


class QueueFailed(InventoryError):
    """The queue of initializations is not usable: the entry was not stored, or that is unknown.

    Cause: the message says it: the database is locked, full, read-only, unreachable, or has another
    schema; the driver's error is the `__cause__`.

    What to do: repair the database, or run `shelfport queue migrate`. Storing the entry again with
    the same key is safe.
    """

    retryable = True
    reached_service = ReachedService.UNKNOWN
    scope = FaultScope.PROCESS
