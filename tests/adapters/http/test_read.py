"""Reading stock over HTTP (R1, R2)."""

import asyncio

import pytest
from aiohttp import web

from shelfport import StockReading
from shelfport.domain.model import DeadlineExceeded, TimedOut
from shelfport.errors import ReachedService
from shelfport.http import HttpInventory
from shelfport.options import HttpOptions
from shelfport.ports import DEFAULT_CALL, Call, UnknownVariant
from tests.adapters.http.conftest import Connect
from tests.support.clocks import EPOCH, ManualClock
from tests.support.servers import conversing, read_request, serving, stocked
from tests.support.values import a_level, an_id, ids


async def test_a_page_costs_one_request(connect: Connect) -> None:
    """A page of 24 variants is one request, with the ids joined by commas."""
    page = ids(24)
    async with serving(stocked(page)) as service:
        port = await connect(service.url)

        answers = await port.read(page, DEFAULT_CALL)

    assert [f"/inventory?productVariantIds={','.join(map(str, page))}"] == [
        request.path_qs for request in service.requests
    ]
    assert [(v, StockReading(a_level(v), EPOCH, "http")) for v in page] == list(answers.items())


async def test_one_variant_has_its_own_address(connect: Connect) -> None:
    """A single variant is read at `/inventory/{id}`."""
    async with serving(stocked([an_id(1)])) as service:
        port = await connect(service.url)

        answers = await port.read([an_id(1), an_id(1)], DEFAULT_CALL)

    assert [f"/inventory/{an_id(1)}"] == [request.path_qs for request in service.requests]
    assert {an_id(1): StockReading(a_level(an_id(1)), EPOCH, "http")} == answers


async def test_as_of_is_when_the_request_was_sent(connect: Connect, clock: ManualClock) -> None:
    """`as_of` is the sending of the request, however long the answer took."""
    known = stocked([an_id(1)])

    async def slow(request: web.BaseRequest) -> web.StreamResponse:
        clock.advance(40)
        return await known(request)

    async with serving(slow) as service:
        port = await connect(service.url)

        answers = await port.read([an_id(1)], DEFAULT_CALL)

    reading = answers[an_id(1)]
    assert isinstance(reading, StockReading)
    assert reading.as_of == EPOCH


@pytest.mark.parametrize("count", [1, 3])
async def test_unknown_variants(connect: Connect, count: int) -> None:
    """A variant without a record is unknown: absent from the array, or 404 `unknown-variant`."""
    async with serving(stocked([])) as service:
        port = await connect(service.url)

        answers = await port.read(ids(count), DEFAULT_CALL)

    assert {variant: UnknownVariant(variant) for variant in ids(count)} == answers


async def test_first_asked_order(connect: Connect) -> None:
    """Entries are in the order of the request, not of the answer."""
    a, b, c = ids(3)
    async with serving(stocked([a, b, c])) as service:
        port = await connect(service.url)

        assert [c, a, b] == list(await port.read([c, a, c, b, a], DEFAULT_CALL))


async def test_nothing_asked(connect: Connect) -> None:
    """Without ids no request is sent."""
    async with serving(stocked([])) as service:
        port = await connect(service.url)

        assert {} == await port.read([], DEFAULT_CALL)
    assert [] == service.requests


async def test_more_than_fits(connect: Connect) -> None:
    """More ids than one request holds are refused, and the message names `BatchingLayer`."""
    port = await connect("http://127.0.0.1:1")

    with pytest.raises(ValueError, match=r"201 variants do not fit .*`BatchingLayer`"):
        await port.read(ids(201), DEFAULT_CALL)


async def test_longer_than_fits(connect: Connect) -> None:
    """The path of the base URL counts towards the length of the target."""
    port = await connect("http://127.0.0.1:1/" + "x" * 700)

    with pytest.raises(ValueError, match="200 variants do not fit in one request"):
        await port.read(ids(200), DEFAULT_CALL)


@pytest.mark.parametrize("suffix", ["/shop/api", "/shop/api/"])
async def test_base_url_with_a_path(connect: Connect, suffix: str) -> None:
    """A path in the base URL comes before `/inventory`, with or without a slash at its end."""
    async with serving(stocked([an_id(1)])) as service:
        port = await connect(service.url + suffix)
        await port.read([an_id(1)], DEFAULT_CALL)

    assert [f"/shop/api/inventory/{an_id(1)}"] == [request.path for request in service.requests]


async def test_headers(connect: Connect) -> None:
    """A request has the correlation id, and the accepted media types."""
    async with serving(stocked([an_id(1)])) as service:
        port = await connect(service.url)
        await port.read([an_id(1)], Call(correlation_id="page-17"))
        await port.read([an_id(1)], DEFAULT_CALL)

    first, second = service.requests
    assert "page-17" == first.headers["X-Correlation-ID"]
    assert "application/json, application/problem+json" == first.headers["Accept"]
    assert "X-Correlation-ID" not in second.headers


async def test_not_open() -> None:
    """An adapter that is not open raises an error that says so."""
    port = HttpInventory("http://127.0.0.1:1", clock=ManualClock())

    with pytest.raises(RuntimeError, match=r"HttpInventory\('http://127.0.0.1:1'\) is not open"):
        await port.read([an_id(1)], DEFAULT_CALL)


async def test_leaving_twice(connect: Connect) -> None:
    """Closing twice is not an error."""
    port = await connect("http://127.0.0.1:1")

    await port.__aexit__(None, None, None)
    await port.__aexit__(None, None, None)


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    await asyncio.Event().wait()


async def test_an_attempt_has_its_time(connect: Connect) -> None:
    """Without an answer an attempt times out, and `reached_service` is UNKNOWN."""
    async with conversing(hang) as url:
        port = await connect(url, HttpOptions(attempt_timeout=0.05))

        with pytest.raises(TimedOut, match=r"gave no answer within 0\.05 s") as info:
            await port.read([an_id(1)], DEFAULT_CALL)

    assert ReachedService.UNKNOWN is info.value.reached_service


async def test_a_deadline_cuts_the_attempt(connect: Connect, clock: ManualClock) -> None:
    """A deadline within the attempt's time ends it with `DeadlineExceeded`."""
    async with conversing(hang) as url:
        port = await connect(url)

        with pytest.raises(DeadlineExceeded, match=r"gave no answer within 0\.05 s"):
            await port.read([an_id(1)], Call(deadline=clock.monotonic() + 0.05))


async def test_a_deadline_that_has_passed(connect: Connect, clock: ManualClock) -> None:
    """After the deadline no request is sent, and `reached_service` is NO."""
    async with serving(stocked([an_id(1)])) as service:
        port = await connect(service.url)

        with pytest.raises(DeadlineExceeded) as info:
            await port.read([an_id(1)], Call(deadline=clock.monotonic()))

    assert ReachedService.NO is info.value.reached_service
    assert [] == service.requests


async def test_cancellation_passes_through(connect: Connect) -> None:
    """A cancelled call ends at once, and the adapter serves the next one."""
    async with serving(stocked([an_id(1)])) as service, conversing(hang) as url:
        hung, fine = await connect(url), await connect(service.url)
        task = asyncio.create_task(asyncio.wait_for(hung.read([an_id(1)], DEFAULT_CALL), 0.05))

        with pytest.raises(TimeoutError):
            await task

        assert an_id(1) in await fine.read([an_id(1)], DEFAULT_CALL)


def test_repr_shows_the_address() -> None:
    """The `repr` shows the base URL."""
    assert "HttpInventory('https://inventory.internal')" == repr(
        HttpInventory("https://inventory.internal/", clock=ManualClock())
    )
