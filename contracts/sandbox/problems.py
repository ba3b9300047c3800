"""The contract's problem documents (RFC 9457), made in one place."""

from collections.abc import Mapping

import msgspec
from aiohttp import web

from shelfport.adapters.http.wire import (
    PROBLEM_JSON,
    PROBLEM_TYPE,
    InventoryStockLevelBody,
    ProblemBody,
    ProblemSlug,
)

RETRY_AFTER = 1
"""The sandbox's usual `Retry-After`, in seconds."""

_KINDS: Mapping[ProblemSlug, tuple[int, str, str]] = {
    "invalid-request": (400, "The request breaks the contract", "The request is not valid."),
    "unauthenticated": (
        401,
        "Valid credentials are required",
        "The request carries no bearer token that the service accepts.",
    ),
    "forbidden": (
        403,
        "The credentials do not allow this",
        "The token is valid, and does not allow this operation.",
    ),
    "unknown-variant": (
        404,
        "The variant has no inventory record",
        "There is no inventory record of this variant.",
    ),
    "record-exists": (
        409,
        "The variant has an inventory record",
        "Another idempotency key opened this variant's record.",
    ),
    "in-progress": (
        409,
        "The same operation is in progress",
        "This idempotency key is being worked on.",
    ),
    "key-reused": (
        422,
        "The idempotency key belongs to another request",
        "This idempotency key came with another body before.",
    ),
    "too-many-requests": (
        429,
        "Too many requests",
        "More requests came from this client than it may send.",
    ),
    "internal-error": (
        500,
        "The Inventory Service failed",
        "The Inventory Service met an error that it did not expect.",
    ),
    "unavailable": (
        503,
        "The Inventory Service is unavailable",
        "The Inventory Service is down for the moment.",
    ),
}

_WITH_RETRY_AFTER: frozenset[ProblemSlug] = frozenset(
    {"in-progress", "too-many-requests", "unavailable"}
)


class RequestRefused(Exception):
    """Ends a request with a problem document; the endpoints raise it.

    Args:
        slug: the type of the problem.
        detail: this occurrence in one sentence; None takes the usual sentence of the type.
        current: with `record-exists`, the level of the existing record.
    """

    def __init__(
        self,
        slug: ProblemSlug,
        detail: str | None = None,
        *,
        current: InventoryStockLevelBody | None = None,
    ) -> None:
        super().__init__(slug, detail)
        self.slug = slug
        self.detail = detail
        self.current = current

    def response(self) -> web.Response:
        """The response that carries this problem."""
        return problem(self.slug, self.detail, current=self.current)


def problem(
    slug: ProblemSlug,
    detail: str | None = None,
    *,
    current: InventoryStockLevelBody | None = None,
    retry_after: int = RETRY_AFTER,
) -> web.Response:
    """The response that carries problem `slug`, with the status and headers it always has."""
    headers = {}
    if slug == "unauthenticated":
        headers["WWW-Authenticate"] = 'Bearer realm="inventory"'
    if slug in _WITH_RETRY_AFTER:
        headers["Retry-After"] = str(retry_after)
    status, title, usual_detail = _KINDS[slug]
    document = ProblemBody(
        type=PROBLEM_TYPE + slug,
        title=title,
        status=status,
        detail=detail or usual_detail,
        current=current,
    )
    return web.Response(
        body=msgspec.json.encode(document),
        status=status,
        headers=headers,
        content_type=PROBLEM_JSON,
    )
