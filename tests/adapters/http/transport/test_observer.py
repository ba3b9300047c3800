"""A `RequestObserver` observes each request that is sent."""

import asyncio
from typing import Any

import attrs
import pytest

from shelfport import InventoryError, SystemClock
from shelfport.adapters.http import HttpOptions
from shelfport.adapters.http.transport.observer import NoObserver
from shelfport.domain.model import RequestContext
from shelfport.errors import ConnectionFailed, TimedOut
from shelfport.http import HttpInventory
from shelfport.ports import Call
from tests.support.servers import always, conversing, raw, serving, stocked
from tests.support.values import an_id, an_initial_stock, ids

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Recorder:
    """An observer that records each request, and sends it with a trace context of its own."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, str, RequestContext]] = []
        self.ended: list[tuple[int | None, type[BaseException] | None, float]] = []

    def __call__(self, method: str, url: str, context: RequestContext, /) -> Any:
        self.begun.append((method, url, context))
        records = self.ended

        class Recorded(NoObserver):
            def ended(self, status: Any, error: Any, seconds: float) -> None:
                records.append((status, type(error) if error else None, seconds))

        return Recorded(
            method, url, attrs.evolve(context, call=attrs.evolve(context.call, traceparent=TRACE))
        )


def inventory(url: str, observer: Recorder, **options: Any) -> HttpInventory:
    return HttpInventory(
        url, clock=SystemClock(), options=HttpOptions(**options), observer=observer
    )


async def test_a_request() -> None:
    """The observer gets the method, URL and context first, then the status and the duration."""
    observer, call = Recorder(), Call(correlation_id="page-17")
    async with serving(stocked(ids(2))) as service, inventory(service.url, observer) as http:
        await http.read(ids(2), call)
        await http.read([an_id(3)], call)

    assert [
        ("GET", f"{service.url}/inventory?productVariantIds={an_id(1)},{an_id(2)}"),
        ("GET", f"{service.url}/inventory/{an_id(3)}"),
    ] == [(method, url) for method, url, _ in observer.begun]
    assert [("page-17", service.url)] * 2 == [
        (context.call.correlation_id, context.where) for *_, context in observer.begun
    ]
    assert [(200, None), (404, None)] == [(status, error) for status, error, _ in observer.ended]
    assert [True] * 2 == [0 < seconds < 30 for *_, seconds in observer.ended]


async def test_the_call_of_the_observer() -> None:
    """The request is sent with the call that the observer returns."""
    async with serving(stocked([an_id(1)])) as service, inventory(service.url, Recorder()) as http:
        await http.read([an_id(1)], Call())

    [request] = service.requests
    assert TRACE == request.headers["traceparent"]


async def test_a_refusal() -> None:
    """An error answer is observed with its status, without an error."""
    observer = Recorder()
    async with serving(always({}, 503)) as service, inventory(service.url, observer) as http:
        with pytest.raises(InventoryError):
            await http.initialize(an_initial_stock(), Call())

    assert [("POST", (503, None))] == [
        (method, end[:2]) for (method, *_), end in zip(observer.begun, observer.ended, strict=True)
    ]


async def test_no_answer() -> None:
    """A request without an answer is observed with an error, without a status."""
    observer = Recorder()
    async with conversing(raw(b"")) as url, inventory(url, observer) as http:
        with pytest.raises(ConnectionFailed):
            await http.read([an_id(1)], Call())

    assert [(None, ConnectionFailed)] == [end[:2] for end in observer.ended]


async def test_a_caller_that_leaves() -> None:
    """A cancelled request and one that times out are observed with their errors."""
    observer, hanging = Recorder(), asyncio.Event()

    async def hang(request: Any) -> Any:
        hanging.set()
        await asyncio.sleep(30)

    async with (
        serving(hang) as service,
        inventory(service.url, observer, attempt_timeout=0.2) as http,
    ):
        with pytest.raises(TimedOut):
            await http.read([an_id(1)], Call())
        hanging.clear()
        task = asyncio.ensure_future(http.read([an_id(1)], Call()))
        await hanging.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert [(None, TimedOut), (None, asyncio.CancelledError)] == [end[:2] for end in observer.ended]
