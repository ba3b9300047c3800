"""Error answers: their error class by status and problem type, and their message."""

from datetime import timedelta
from email.utils import format_datetime

import pytest
from aiohttp import web

from shelfport import InventoryError
from shelfport.adapters.http.errors import retry_after_seconds
from shelfport.errors import (
    ContractViolation,
    Operation,
    ReachedService,
    RequestRejected,
    ServiceFailed,
    ServiceOverloaded,
    Unauthorized,
)
from shelfport.ports import DEFAULT_CALL, Call
from tests.adapters.http.conftest import Connect
from tests.support.clocks import EPOCH
from tests.support.servers import problem, serving
from tests.support.values import an_id, ids


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize(
    ("status", "slug", "kind"),
    [
        (400, "invalid-request", RequestRejected),
        (401, "unauthenticated", Unauthorized),
        (403, "forbidden", Unauthorized),
        (408, "about:blank", ServiceFailed),
        (418, "about:blank", RequestRejected),
        (429, "too-many-requests", ServiceOverloaded),
        (500, "internal-error", ServiceFailed),
        (502, "about:blank", ServiceFailed),
        (503, "unavailable", ServiceOverloaded),
        (504, "about:blank", ServiceFailed),
        (204, "about:blank", ContractViolation),
        (599, "about:blank", ServiceFailed),
    ],
)
async def test_statuses(
    connect: Connect, count: int, status: int, slug: str, kind: type[InventoryError]
) -> None:
    """Every error status becomes its error class, with the request's context."""

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        return problem(status, slug, "told so")

    async with serving(handler) as service:
        port = await connect(service.url)
        with pytest.raises(InventoryError) as info:
            await port.read(ids(count), Call(correlation_id="c", attempt=2))

    error = info.value
    assert kind is type(error)
    assert (Operation.READ, tuple(ids(count)), "c", 2, status) == (
        error.operation,
        error.ids,
        error.correlation_id,
        error.attempts,
        error.status,
    )
    assert f"{service.url} answered {status}" in str(error)
    if status != 204:
        assert "(told so)" in str(error)


async def test_a_foreign_404(connect: Connect) -> None:
    """A 404 without the problem type `unknown-variant` is a rejection, not an unknown variant."""

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=404, text="<h1>nginx</h1>", content_type="text/html")

    async with serving(handler) as service:
        port = await connect(service.url)
        with pytest.raises(RequestRejected, match=r"404 Not Found.*is the base URL right"):
            await port.read([an_id(1)], DEFAULT_CALL)


async def test_a_500_with_html(connect: Connect) -> None:
    """A 500 without a problem document is `ServiceFailed`."""

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=500, text="<h1>oops</h1>", content_type="text/html")

    async with serving(handler) as service:
        port = await connect(service.url)
        with pytest.raises(ServiceFailed, match=r"answered 500 Internal Server Error$"):
            await port.read([an_id(1)], DEFAULT_CALL)


async def test_redirects_are_not_followed(connect: Connect) -> None:
    """A redirect is refused and not followed."""

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": f"{service.url}/elsewhere"})

    async with serving(handler) as service:
        port = await connect(service.url)
        with pytest.raises(RequestRejected, match="302 Found; redirects are not followed"):
            await port.read([an_id(1)], DEFAULT_CALL)

    assert 1 == len(service.requests)


async def test_hostile_details(connect: Connect) -> None:
    """The service's text is quoted on one line, cut to 200 characters."""

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        return problem(500, "internal-error", "a\r\nERROR forged\x1b[31m" + "x" * 10_000)

    async with serving(handler) as service:
        port = await connect(service.url)
        with pytest.raises(ServiceFailed) as info:
            await port.read([an_id(1)], DEFAULT_CALL)

    assert str(info.value).isprintable()
    assert len(str(info.value)) < 400


async def test_retry_after_reaches_the_error(connect: Connect) -> None:
    """The error of an overloaded service has its `Retry-After`."""

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        response = problem(503, "unavailable")
        response.headers["Retry-After"] = "7"
        return response

    async with serving(handler) as service:
        port = await connect(service.url)
        with pytest.raises(ServiceOverloaded) as info:
            await port.read([an_id(1)], DEFAULT_CALL)

    assert (info.value.retry_after, info.value.reached_service) == (7.0, ReachedService.YES)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        (" 120 ", 120.0),
        (format_datetime(EPOCH + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(EPOCH - timedelta(seconds=90), usegmt=True), 0.0),
        ("Thu, 01 Jan 2026 00:00:05 -0000", 5.0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("9" * 5000, 999_999_999.0),
        ("Mon, 99 Foo 9999 99:99:99 GMT", None),
    ],
)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    """Seconds and HTTP dates are read (RFC 9110 §10.2.3); a malformed header counts as none."""
    assert seconds == retry_after_seconds(value, EPOCH)
