"""Turns aiohttp's errors and the service's error answers into `InventoryError`s."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from http import HTTPStatus

import aiohttp
import attrs
from typed_settings import Secret

from shelfport.adapters.http import wire
from shelfport.adapters.http.headers import http_date
from shelfport.adapters.http.malformed import Garbled, Malformed
from shelfport.adapters.http.transport.auth.credentials import NoCredentials
from shelfport.adapters.http.transport.session import ConnectionBroke
from shelfport.adapters.http.transport.tls.handshake_errors import tls_failure
from shelfport.adapters.runtime.secret_text import mask_secrets
from shelfport.domain.model import (
    Conflict,
    ConnectionFailed,
    ContractViolation,
    CredentialsUnavailable,
    DeadlineExceeded,
    FaultScope,
    InventoryError,
    Operation,
    OperationInProgress,
    PathFailed,
    ReachedService,
    RequestBlocked,
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
    """The context of a request over HTTP, and the secrets that its errors must not quote."""

    secrets: Sequence[Secret[str]] = ()
    """The latest secrets that were sent: they are masked in text that the service returns."""

    def quoted(self, foreign: object) -> str:
        """Foreign text, fit for a sentence: secrets masked, on one line, at most 200 characters."""
        # Mask before cutting: half a secret would not be found.
        return one_line(mask_secrets(str(foreign), self.secrets))[:_LONGEST_QUOTE]


def credentials_timeout_error(
    request: HttpRequestContext, *, seconds: float, by_deadline: bool
) -> InventoryError:
    """The error of a request that got no credentials in time, and was not sent."""
    return request.error(
        DeadlineExceeded if by_deadline else CredentialsUnavailable,
        f"no request was sent to {request.where}: there were no credentials within {seconds:.3g} s",
        reached_service=ReachedService.NO,
    )


def deadline_error(request: HttpRequestContext) -> InventoryError:
    """The error of a request that was not sent, because the caller's deadline had passed."""
    return request.error(
        DeadlineExceeded,
        "the deadline passed before a request was sent to the Inventory Service",
        reached_service=ReachedService.NO,
    )


def transport_error(
    error: Exception,
    request: HttpRequestContext,
    *,
    seconds: float,
    by_deadline: bool,
    answering: bool = False,
) -> InventoryError:
    """The error of a request without a complete answer.

    Args:
        error: what aiohttp raised.
        request: the request's context.
        seconds: how long the request was allowed to take.
        by_deadline: the caller's deadline set that time, not the time for one attempt.
        answering: the head of an answer was received.
    """
    where, detail = request.where, request.quoted(getattr(error, "message", error))
    # Without credentials a failure of TLS is one of the authorization server's.
    failure = None if isinstance(error, NoCredentials) else tls_failure(error)
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
                f"no request was sent to {where}: no credentials: {detail}",
                reached_service=ReachedService.NO,
                scope=FaultScope.CREDENTIALS,
            )
        case aiohttp.ConnectionTimeoutError():
            return request.error(
                TimedOut,
                f"no connection to {where} within the time for connecting",
                reached_service=ReachedService.NO,
            )
        case TimeoutError():
            kind = DeadlineExceeded if by_deadline else TimedOut
            what = "did not end its answer" if answering else "gave no answer"
            return request.error(kind, f"{where} {what} within {seconds:.3g} s")
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
            moment = f"before an answer: {detail}"
            if _broke_in_head(error.__cause__):
                moment = "in the head of an answer"
            return request.error(ConnectionFailed, f"the connection to {where} broke {moment}")
        case aiohttp.ClientPayloadError():
            return request.error(
                ConnectionFailed,
                f"the answer of {where} broke off in its body: {detail}",
                reached_service=ReachedService.YES,
                scope=FaultScope.PATH,
            )
        case aiohttp.ClientResponseError():
            return request.error(PathFailed, _not_parsed(detail, where))
        case _:
            return request.error(PathFailed, f"no answer from {where}: {detail}")


def _broke_in_head(cause: BaseException | None) -> bool:
    """Whether a part of an answer's head was received; aiohttp then has it as the message."""
    return isinstance(cause, aiohttp.ServerDisconnectedError) and not isinstance(cause.message, str)


def _not_parsed(detail: str, where: str) -> str:
    """The sentence about an answer that aiohttp's parser refused, which says why in `detail`."""
    if "Bad status line" in detail and not re.search("HTTP/[0-9]", detail):
        return f"the server at {where} does not speak HTTP, or sends more than an answer: {detail}"
    part = "body" if re.search(r"\bchunk\b", detail, re.IGNORECASE) else "head"
    return f"the {part} of the answer of {where} cannot be read: {detail}"


def status_error(
    status: int, problem: wire.ProblemBody, retry_after: float | None, request: HttpRequestContext
) -> InventoryError:
    """The error of an answer with an error status."""
    kind, advice = _classified(status, problem, request)
    scope = None
    if status == HTTPStatus.INTERNAL_SERVER_ERROR and problem.is_there and len(request.ids) > 1:
        scope = FaultScope.REQUEST  # perhaps of one variant among them
    detail = problem.detail or problem.title
    quoted = f" ({request.quoted(detail)})" if detail else ""
    sentence = f"{request.where} answered {_named(status)}{quoted}{advice}"
    return request.error(kind, sentence, scope=scope, status=status, retry_after=retry_after)


def contract_error(
    malformed: Malformed, request: HttpRequestContext, status: int | None = None
) -> InventoryError:
    """The error of an answer that breaks inventory-service.yaml, or was damaged on the way."""
    detail = request.quoted(malformed)
    if isinstance(malformed, Garbled):
        return request.error(
            PathFailed,
            f"the answer of {request.where} is not the service's, or was damaged on the way: "
            f"{detail}",
            reached_service=ReachedService.YES,
            status=status,
        )
    return request.error(
        ContractViolation,
        f"{request.where} broke the contract: {detail}",
        scope=malformed.scope,
        status=status,
    )


def retry_after_seconds(value: str | None, now: datetime) -> float | None:
    """Read a `Retry-After` header (RFC 9110 §10.2.3): seconds from `now`, at least 0.

    A malformed header counts as none.
    """
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    moment = http_date(value)
    return None if moment is None else max((moment - now).total_seconds(), 0.0)


_Verdict = tuple[type[InventoryError], str]
"""The class of an error, and the advice that ends its sentence."""

_REFUSED_CREDENTIALS: _Verdict = (Unauthorized, "; are the credentials right?")
_NOT_THE_SERVICE: _Verdict = (
    PathFailed,
    ", which the service does not: something before it did; is the base URL right?",
)
_BY_PROBLEM: Mapping[tuple[int, str], _Verdict] = {
    (404, "unknown-variant"): (RequestRejected, ", which only a read of one variant may get"),
    (409, "in-progress"): (OperationInProgress, ""),
    (422, "key-reused"): (Conflict, "; the idempotency key belongs to another request"),
}
_BY_STATUS: Mapping[int, _Verdict] = {
    203: (ContractViolation, ": something on the way has changed the service's answer"),
    206: (ContractViolation, ": a part of an answer, which was not asked for"),
    207: (ContractViolation, ": several answers in one, which was not asked for"),
    304: (PathFailed, ", but the request had no condition: a cache on the way answers wrongly"),
    401: _REFUSED_CREDENTIALS,
    **dict.fromkeys((404, 405, 407, 421, 425), _NOT_THE_SERVICE),
    408: (ServiceFailed, ""),
    429: (ServiceOverloaded, ""),
    503: (ServiceOverloaded, ""),
}
_OWN: Mapping[int, _Verdict] = {403: _REFUSED_CREDENTIALS, 4: (RequestRejected, "")}
"""Of answers with a problem document, which are the service's own: by status, or its hundreds."""
_BY_HUNDREDS: Mapping[int, _Verdict] = {
    3: (PathFailed, "; redirects are not followed: set the base URL to the target"),
    4: (RequestBlocked, ", without a problem document: something before the service did"),
    5: (ServiceFailed, ""),
}
_SUCCESS: Mapping[Operation, HTTPStatus] = {
    Operation.READ: HTTPStatus.OK,
    Operation.INITIALIZE: HTTPStatus.CREATED,
}
"""What the contract has for each operation."""


def _classified(status: int, problem: wire.ProblemBody, request: HttpRequestContext) -> _Verdict:
    if status == HTTPStatus.NOT_FOUND and problem.is_there and problem.slug != "unknown-variant":
        return _unknown_type(problem, request)
    own = _OWN if problem.is_there else {}
    return (
        _BY_PROBLEM.get((status, problem.slug))
        or _BY_STATUS.get(status)
        or own.get(status)
        or own.get(status // 100)
        or _BY_HUNDREDS.get(min(status // 100, 5))
        or (ContractViolation, f", where the contract has {_named(_SUCCESS[request.operation])}")
    )


def _unknown_type(problem: wire.ProblemBody, request: HttpRequestContext) -> _Verdict:
    """The verdict on a 404 with a problem document of another type than the service's."""
    advice = (
        f", with the problem type {request.quoted(problem.type)}: the service's only 404 has the "
        f"type {wire.PROBLEM_TYPE}unknown-variant; is the base URL right?"
    )
    return PathFailed, advice


def _named(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
