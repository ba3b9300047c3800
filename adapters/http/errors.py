"""The boundary: aiohttp's errors and the service's refusals become `InventoryError`s, once."""

from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import aiohttp
import attrs
from typed_settings import Secret

from shelfport.adapters.http import wire
from shelfport.adapters.http.transport.auth.credentials import NoCredentials
from shelfport.adapters.http.transport.secret_text import hidden
from shelfport.adapters.http.transport.session import ConnectionBroke
from shelfport.adapters.http.transport.tls.handshake_errors import tls_failure
from shelfport.domain.model import (
    Conflict,
    ConnectionFailed,
    ContractViolation,
    CredentialsUnavailable,
    DeadlineExceeded,
    InventoryError,
    OperationInProgress,
    ReachedService,
    RequestContext,
    RequestRejected,
    ServiceFailed,
    ServiceOverloaded,
    TimedOut,
    Unauthorized,
)
from shelfport.domain.model.text import one_line

_LONGEST_QUOTE = 200


@attrs.frozen
class HttpRequestContext(RequestContext):
    """What a request over HTTP is about, and what its errors need besides."""

    secrets: Sequence[Secret[str]] = ()
    """What was presented: a service that quotes it does not get it into a log."""

    def quoted(self, foreign: object) -> str:
        """Foreign words, fit for a sentence: without a secret, on one line, cut to 200 characters."""
        # In this order: a secret that is cut in two is not found.
        return one_line(hidden(str(foreign), self.secrets))[:_LONGEST_QUOTE]


def without_credentials(
    request: HttpRequestContext, *, seconds: float, by_deadline: bool
) -> InventoryError:
    """The time was over before there were credentials to send a request with."""
    return request.error(
        DeadlineExceeded if by_deadline else CredentialsUnavailable,
        f"{request.where} was not asked: there were no credentials within {seconds:.3g} s",
        reached_service=ReachedService.NO,
    )


def unsent(request: HttpRequestContext) -> InventoryError:
    """The caller's deadline had passed before anything was sent."""
    return request.error(
        DeadlineExceeded,
        "the deadline passed before the Inventory Service could be asked",
        reached_service=ReachedService.NO,
    )


def broken(
    error: Exception, request: HttpRequestContext, *, seconds: float, by_deadline: bool
) -> InventoryError:
    """What became of a request that got no answer.

    Args:
        error: what aiohttp raised.
        request: what it was about.
        seconds: how long it was allowed to take.
        by_deadline: the caller's deadline set that time, not the time for one attempt.
    """
    where, told = request.where, request.quoted(getattr(error, "message", error))
    failure = tls_failure(error)
    if failure is not None:
        return request.error(
            failure.kind,
            f"no secure connection to {where}: {failure.sentence}",
            reached_service=ReachedService.NO,
        )
    match error:
        case NoCredentials():
            return request.error(
                error.kind,
                f"{where} was not request, for want of credentials: {told}",
                reached_service=ReachedService.NO,
            )
        case aiohttp.ConnectionTimeoutError():
            return request.error(
                TimedOut,
                f"no connection to {where} within the time for connecting",
                reached_service=ReachedService.NO,
            )
        case TimeoutError():
            kind = DeadlineExceeded if by_deadline else TimedOut
            return request.error(kind, f"{where} gave no answer within {seconds:.3g} s")
        case aiohttp.ClientConnectorDNSError():
            return request.error(
                ConnectionFailed,
                f"the name of {where} does not resolve: is the base URL right?",
                reached_service=ReachedService.NO,
            )
        case aiohttp.ClientConnectorError():
            return request.error(
                ConnectionFailed,
                f"no connection to {where}: {request.quoted(error.os_error)}",
                reached_service=ReachedService.NO,
            )
        case ConnectionBroke() | aiohttp.ClientConnectionError():
            return request.error(
                ConnectionFailed,
                f"the connection to {where} broke before an answer: {told}",
            )
        case aiohttp.ClientPayloadError():
            return request.error(
                ConnectionFailed,
                f"the answer of {where} broke off in its body: {told}",
                reached_service=ReachedService.YES,
            )
        case aiohttp.ClientResponseError():
            return request.error(
                ContractViolation,
                f"what answers at {where} does not speak HTTP: {told}",
            )
        case _:
            return request.error(ContractViolation, f"no answer from {where}: {told}")


def refused(
    status: int, problem: wire.ProblemBody, retry_after: float | None, request: HttpRequestContext
) -> InventoryError:
    """The error of an answer that is neither a success nor, by its problem type, a plain fact."""
    kind, advice = _classified(status, problem.slug)
    sentence = f"{request.where} answered {_named(status)}{_told(problem, request)}{advice}"
    return request.error(kind, sentence, status=status, retry_after=retry_after)


def contract_broken(
    sentence: str, request: HttpRequestContext, status: int | None = None
) -> InventoryError:
    """The service answered, but not as inventory-service.yaml promises."""
    return request.error(
        ContractViolation,
        f"{request.where} answered against the contract: {request.quoted(sentence)}",
        status=status,
    )


def retry_after_seconds(value: str | None, now: datetime) -> float | None:
    """Read a `Retry-After` header (RFC 9110 §10.2.3): seconds from `now`, at least 0.

    Nonsense counts as no header: the service is in trouble, and this is the last thing to fail on.
    """
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max((moment - now).total_seconds(), 0.0)


def _classified(status: int, slug: str) -> tuple[type[InventoryError], str]:
    """The class of an answer, and what the sentence about it advises."""
    match status, slug:
        case ((401 | 403), _):
            return Unauthorized, "; are the credentials right?"
        case 404, _:
            return RequestRejected, ", but not as `unknown-variant`; is the base URL right?"
        case 409, "in-progress":
            return OperationInProgress, ""
        case 422, "key-reused":
            return Conflict, "; the idempotency key belongs to another request"
        case ((429 | 503), _):
            return ServiceOverloaded, ""
        case 408, _:
            return ServiceFailed, ""
        case _ if status >= 500:
            return ServiceFailed, ""
        case _ if status >= 400:
            return RequestRejected, ""
        case _ if status >= 300:
            return RequestRejected, "; redirects are not followed, so set the base URL to the goal"
        case _:
            return ContractViolation, ", which the contract does not know"


def _named(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _told(problem: wire.ProblemBody, request: HttpRequestContext) -> str:
    told = problem.detail or problem.title
    return f" ({request.quoted(told)})" if told else ""
