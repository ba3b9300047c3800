"""The boundary: aiohttp's errors and the service's refusals become `InventoryError`s, once."""

from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import aiohttp
import attrs
from typed_settings import Secret

from shelfport.adapters.http import wire
from shelfport.adapters.http.credentials import NoCredentials
from shelfport.adapters.http.secret_text import hidden
from shelfport.adapters.http.session import ConnectionBroke
from shelfport.adapters.http.tls_errors import tls_failure
from shelfport.domain.model import (
    Call,
    Conflict,
    ConnectionFailed,
    ContractViolation,
    CredentialsUnavailable,
    DeadlineExceeded,
    InventoryError,
    Operation,
    OperationInProgress,
    ProductVariantId,
    ReachedService,
    RequestRejected,
    ServiceFailed,
    ServiceOverloaded,
    TimedOut,
    Unauthorized,
)
from shelfport.domain.model.text import one_line

_LONGEST_QUOTE = 200


@attrs.frozen
class Asked:
    """What a request was about: what every error made of its outcome carries along."""

    operation: Operation
    ids: Sequence[ProductVariantId]
    call: Call
    where: str
    """The service's base URL, for the sentence."""
    secrets: Sequence[Secret[str]] = ()
    """What was presented: a service that quotes it does not get it into a log."""

    def quoted(self, foreign: object) -> str:
        """Somebody else's words, fit for a sentence: no secret, one line, not endless."""
        # In this order: a secret that is cut in two is not found.
        return one_line(hidden(str(foreign), self.secrets))[:_LONGEST_QUOTE]

    def failed(
        self,
        kind: type[InventoryError],
        sentence: str,
        *,
        reached: ReachedService | None = None,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> InventoryError:
        """An error of `kind`, with everything that is known of the request."""
        return kind(
            sentence,
            operation=self.operation,
            ids=self.ids,
            correlation_id=self.call.correlation_id,
            attempts=self.call.attempt,
            reached_service=reached,
            status=status,
            retry_after=retry_after,
        )


def without_credentials(asked: Asked, *, seconds: float, by_deadline: bool) -> InventoryError:
    """The time was over before there were credentials to send a request with."""
    return asked.failed(
        DeadlineExceeded if by_deadline else CredentialsUnavailable,
        f"{asked.where} was not asked: there were no credentials within {seconds:.3g} s",
        reached=ReachedService.NO,
    )


def unsent(asked: Asked) -> InventoryError:
    """The caller's deadline had passed before anything was sent."""
    return asked.failed(
        DeadlineExceeded,
        "the deadline passed before the Inventory Service could be asked",
        reached=ReachedService.NO,
    )


def broken(error: Exception, asked: Asked, *, seconds: float, by_deadline: bool) -> InventoryError:
    """What became of a request that got no answer.

    Args:
        error: what aiohttp raised.
        asked: the request.
        seconds: how long it was allowed to take.
        by_deadline: the caller's deadline set that time, not the time for one attempt.
    """
    where, told = asked.where, asked.quoted(getattr(error, "message", error))
    failure = tls_failure(error)
    if failure is not None:
        return asked.failed(
            failure.kind,
            f"no secure connection to {where}: {failure.sentence}",
            reached=ReachedService.NO,
        )
    match error:
        case NoCredentials():
            return asked.failed(
                error.kind,
                f"{where} was not asked, for want of credentials: {told}",
                reached=ReachedService.NO,
            )
        case aiohttp.ConnectionTimeoutError():
            return asked.failed(
                TimedOut,
                f"no connection to {where} within the time for connecting",
                reached=ReachedService.NO,
            )
        case TimeoutError():
            kind = DeadlineExceeded if by_deadline else TimedOut
            return asked.failed(kind, f"{where} gave no answer within {seconds:.3g} s")
        case aiohttp.ClientConnectorDNSError():
            return asked.failed(
                ConnectionFailed,
                f"the name of {where} does not resolve: is the base URL right?",
                reached=ReachedService.NO,
            )
        case aiohttp.ClientConnectorError():
            return asked.failed(
                ConnectionFailed,
                f"no connection to {where}: {asked.quoted(error.os_error)}",
                reached=ReachedService.NO,
            )
        case ConnectionBroke() | aiohttp.ClientConnectionError():
            return asked.failed(
                ConnectionFailed,
                f"the connection to {where} broke before an answer: {told}",
            )
        case aiohttp.ClientPayloadError():
            return asked.failed(
                ConnectionFailed,
                f"the answer of {where} broke off in its body: {told}",
                reached=ReachedService.YES,
            )
        case aiohttp.ClientResponseError():
            return asked.failed(
                ContractViolation,
                f"what answers at {where} does not speak HTTP: {told}",
            )
        case _:
            return asked.failed(ContractViolation, f"no answer from {where}: {told}")


def refused(
    status: int, problem: wire.Problem, retry_after: float | None, asked: Asked
) -> InventoryError:
    """The error of an answer that is neither a success nor, by its problem type, a plain fact."""
    kind, advice = _classified(status, problem.slug)
    sentence = f"{asked.where} answered {_named(status)}{_told(problem, asked)}{advice}"
    return asked.failed(kind, sentence, status=status, retry_after=retry_after)


def contract_broken(sentence: str, asked: Asked, status: int | None = None) -> InventoryError:
    """The service answered, but not as inventory-service.yaml promises."""
    return asked.failed(
        ContractViolation,
        f"{asked.where} answered against the contract: {asked.quoted(sentence)}",
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


def _told(problem: wire.Problem, asked: Asked) -> str:
    told = problem.detail or problem.title
    return f" ({asked.quoted(told)})" if told else ""
