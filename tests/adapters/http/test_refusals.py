"""Error answers: their class and scope by status and problem type, and their message."""

from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime

import pytest
from aiohttp import web

from shelfport import InventoryError
from shelfport.adapters.http.errors import retry_after_seconds
from shelfport.errors import (
    FaultScope,
    Operation,
    PathFailed,
    ReachedService,
    RequestBlocked,
    RequestRejected,
    ServiceFailed,
    ServiceOverloaded,
    Unauthorized,
)
from shelfport.ports import DEFAULT_CALL, Call
from tests.adapters.http.conftest import OF_ALL, Connect, Facts, answering, facts_of
from tests.support.clocks import EPOCH
from tests.support.servers import problem, serving
from tests.support.values import an_id, an_initial_stock, ids

CREDENTIALS: Facts = (Unauthorized, FaultScope.CREDENTIALS, ReachedService.YES)
REFUSED: Facts = (RequestRejected, FaultScope.REQUEST, ReachedService.YES)
BLOCKED: Facts = (RequestBlocked, FaultScope.REQUEST, ReachedService.UNKNOWN)
NOT_THE_SERVICE: Facts = (PathFailed, FaultScope.PATH, ReachedService.UNKNOWN)
OVERLOADED: Facts = (ServiceOverloaded, FaultScope.SERVICE, ReachedService.YES)
FAILED: Facts = (ServiceFailed, FaultScope.SERVICE, ReachedService.UNKNOWN)
FAILED_FOR_ONE: Facts = (ServiceFailed, FaultScope.REQUEST, ReachedService.UNKNOWN)
FOREIGN = (404, 405, 407, 421, 425)
"""Statuses that the service does not answer with; 404 only with `unknown-variant`."""
REDIRECTS = (301, 302, 303, 307, 308)


async def refusals(connect: Connect, make: Callable[[], web.Response]) -> list[InventoryError]:
    """The errors of a read of one id, of a read of two, and of an initialization."""

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        return make()

    errors = []
    async with serving(handler) as service:
        port = await connect(service.url)
        call = Call(correlation_id="c", attempt=2)
        for asked in (
            port.read(ids(1), call),
            port.read(ids(2), call),
            port.initialize(an_initial_stock(an_id(1)), call),
        ):
            with pytest.raises(InventoryError) as info:
                await asked
            errors.append(info.value)

    status = make().status
    assert [f"{service.url} answered {status}"] * 3 == [
        str(error)[: len(service.url) + 13] for error in errors
    ]
    assert [(status, "c", 2)] * 3 == [(e.status, e.correlation_id, e.attempts) for e in errors]
    assert [tuple(ids(1)), tuple(ids(2)), tuple(ids(1))] == [error.ids for error in errors]
    assert [Operation.READ, Operation.READ, Operation.INITIALIZE] == [e.operation for e in errors]
    return errors


@pytest.mark.parametrize(
    ("status", "slug", "facts"),
    [
        (400, "invalid-request", REFUSED),
        (401, "unauthenticated", CREDENTIALS),
        (403, "forbidden", CREDENTIALS),
        (408, "about:blank", FAILED),
        (409, "on-holiday", REFUSED),
        (413, "too-large", REFUSED),
        (414, "too-long", REFUSED),
        (418, "about:blank", REFUSED),
        (422, "invalid-request", REFUSED),
        (429, "too-many-requests", OVERLOADED),
        (431, "too-long", REFUSED),
        (502, "about:blank", FAILED),
        (503, "unavailable", OVERLOADED),
        (504, "about:blank", FAILED),
        *((status, "about:blank", OF_ALL) for status in (203, 204, 205, 206, 207, 226)),
        (599, "about:blank", FAILED),
        *((status, "about:blank", NOT_THE_SERVICE) for status in FOREIGN),
    ],
)
async def test_statuses_of_the_service(
    connect: Connect, status: int, slug: str, facts: Facts
) -> None:
    """A status with a problem document becomes an error that quotes it, for each request."""
    errors = await refusals(connect, lambda: problem(status, slug, "told so"))

    assert [facts] * 3 == [facts_of(error) for error in errors]
    assert [status != 204] * 3 == ["(told so)" in str(error) for error in errors]


async def test_a_500_of_the_service(connect: Connect) -> None:
    """A 500 with a problem document to several ids may be the fault of one of them."""
    errors = await refusals(connect, lambda: problem(500, "internal-error"))

    assert [FAILED, FAILED_FOR_ONE, FAILED] == [facts_of(error) for error in errors]


@pytest.mark.parametrize(
    ("status", "facts"),
    [
        (401, CREDENTIALS),
        (408, FAILED),
        (429, OVERLOADED),
        (500, FAILED),
        (502, FAILED),
        (503, OVERLOADED),
        *((status, BLOCKED) for status in (400, 403, 409, 410, 413, 414, 418, 422, 431)),
        *((status, NOT_THE_SERVICE) for status in (*FOREIGN, *REDIRECTS)),
    ],
)
async def test_statuses_without_a_problem_document(
    connect: Connect, status: int, facts: Facts
) -> None:
    """A 4xx with a page of HTML blocks this request, unless its status says more."""
    errors = await refusals(
        connect,
        lambda: web.Response(status=status, text="<h1>nginx</h1>", content_type="text/html"),
    )

    assert [facts] * 3 == [facts_of(error) for error in errors]


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (403, "403 Forbidden, without a problem document: something before the service did"),
        (404, "404 Not Found, which the service does not: something before it did; is the base URL "
              "right?"),
        (302, "302 Found; redirects are not followed: set the base URL to the target"),
        (304, "304 Not Modified, but the request had no condition: a cache on the way answers "
              "wrongly"),
        (203, "203 Non-Authoritative Information: something on the way has changed the service's "
              "answer"),
        (206, "206 Partial Content: a part of an answer, which was not asked for"),
        (207, "207 Multi-Status: several answers in one, which was not asked for"),
        (500, "500 Internal Server Error"),
    ],
)  # fmt: skip
async def test_sentences(connect: Connect, status: int, sentence: str) -> None:
    """The message says what answered, and what to do about it."""
    errors = await refusals(connect, lambda: web.Response(status=status, text="<h1>"))

    assert {sentence} == {str(error).partition(" answered ")[2] for error in errors}


@pytest.mark.parametrize("status", [202, 204, 205])
async def test_a_success_that_is_not_in_the_contract(connect: Connect, status: int) -> None:
    """The message names the status that the contract has for the operation."""
    errors = await refusals(connect, lambda: web.Response(status=status))

    assert ["200 OK", "200 OK", "201 Created"] == [
        str(error).partition(", where the contract has ")[2] for error in errors
    ]


async def test_a_404_of_another_type(connect: Connect) -> None:
    """A 404 with a problem document of another type: the message says the type, and the right one.

    The type alone decides, also where the rest of the document reads like the service's.
    """
    foreign = {"type": "urn:shop:unknown-variant", "status": 404, "detail": "unknown-variant"}
    errors = await refusals(connect, lambda: web.json_response(foreign, status=404))

    assert [NOT_THE_SERVICE] * 3 == [facts_of(error) for error in errors]
    assert {
        "404 Not Found (unknown-variant), with the problem type urn:shop:unknown-variant: the "
        "service's only 404 has the type https://inventory.example/problems/unknown-variant; is "
        "the base URL right?"
    } == {str(error).partition(" answered ")[2] for error in errors}


@pytest.mark.parametrize(
    ("content", "facts"),
    [
        ({"type": "https://inventory.example/problems/forbidden"}, CREDENTIALS),
        ({"title": "Forbidden", "status": 403}, CREDENTIALS),
        ({}, BLOCKED),
        ([], BLOCKED),
        ({"message": "Forbidden"}, BLOCKED),
        ({"title": "Forbidden"}, BLOCKED),
        ({"status": 403}, BLOCKED),
        ({"type": "about:blank", "status": 403}, BLOCKED),
        ({"type": 5, "title": "Forbidden", "status": 403}, BLOCKED),
    ],
    ids=str,
)
async def test_what_is_a_problem_document(connect: Connect, content: object, facts: Facts) -> None:
    """A problem document has a type, or a title and a status (RFC 9457 §3)."""
    errors = await refusals(connect, lambda: web.json_response(content, status=403))

    assert [facts] * 3 == [facts_of(error) for error in errors]


async def test_an_unknown_variant_is_no_answer_to_several(connect: Connect) -> None:
    """404 `unknown-variant` answers a read of one variant only."""
    async with serving(answering(problem(404, "unknown-variant"))) as service:
        port = await connect(service.url)
        with pytest.raises(RequestRejected, match="only a read of one variant may get") as info:
            await port.read(ids(2), DEFAULT_CALL)

    assert REFUSED == facts_of(info.value)


async def test_redirects_are_not_followed(connect: Connect) -> None:
    """A redirect is refused and not followed."""

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": f"{service.url}/elsewhere"})

    async with serving(handler) as service:
        port = await connect(service.url)
        with pytest.raises(PathFailed):
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
