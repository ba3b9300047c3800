"""What a `RequestObserver` is told of each request on the wire."""

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


class Watched:
    """A watch that keeps what it is told, and sends every request under a trace of its own."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, str, RequestContext]] = []
        self.ended: list[tuple[int | None, type[BaseException] | None, float]] = []

    def __call__(self, method: str, url: str, asked: RequestContext, /) -> Any:
        self.begun.append((method, url, asked))
        told = self.ended

        class Exchange(NoObserver):
            def ended(self, status: Any, error: Any, seconds: float) -> None:
                told.append((status, type(error) if error else None, seconds))

        return Exchange(
            method, url, attrs.evolve(asked, call=attrs.evolve(asked.call, traceparent=TRACE))
        )


def inventory(url: str, watch: Watched, **options: Any) -> HttpInventory:
    return HttpInventory(url, clock=SystemClock(), options=HttpOptions(**options), watch=watch)


async def test_a_request() -> None:
    """Before a request its method, URL and terms; after it the status and how long it took."""
    watch, call = Watched(), Call(correlation_id="page-17")
    async with serving(stocked(ids(2))) as service, inventory(service.url, watch) as http:
        await http.read(ids(2), call)
        await http.read([an_id(3)], call)

    assert [
        ("GET", f"{service.url}/inventory?productVariantIds={an_id(1)},{an_id(2)}"),
        ("GET", f"{service.url}/inventory/{an_id(3)}"),
    ] == [(method, url) for method, url, _ in watch.begun]
    assert [("page-17", service.url)] * 2 == [
        (asked.call.correlation_id, asked.where) for *_, asked in watch.begun
    ]
    assert [(200, None), (404, None)] == [(status, error) for status, error, _ in watch.ended]
    assert [True] * 2 == [0 < seconds < 30 for *_, seconds in watch.ended]


async def test_its_terms() -> None:
    """The request goes out under the terms that the watch gives it."""
    async with serving(stocked([an_id(1)])) as service, inventory(service.url, Watched()) as http:
        await http.read([an_id(1)], Call())

    [request] = service.requests
    assert TRACE == request.headers["traceparent"]


async def test_a_refusal() -> None:
    """An answer that is an error has its status: what it means is not the wire's matter."""
    watch = Watched()
    async with serving(always({}, 503)) as service, inventory(service.url, watch) as http:
        with pytest.raises(InventoryError):
            await http.initialize(an_initial_stock(), Call())

    assert [("POST", (503, None))] == [
        (method, end[:2]) for (method, *_), end in zip(watch.begun, watch.ended, strict=True)
    ]


async def test_no_answer() -> None:
    """Without an answer there is an error and no status."""
    watch = Watched()
    async with conversing(raw(b"")) as url, inventory(url, watch) as http:
        with pytest.raises(ConnectionFailed):
            await http.read([an_id(1)], Call())

    assert [(None, ConnectionFailed)] == [end[:2] for end in watch.ended]


async def test_a_caller_that_leaves() -> None:
    """A cancelled request ends, too; so does one that takes too long."""
    watch, hanging = Watched(), asyncio.Event()

    async def hang(request: Any) -> Any:
        hanging.set()
        await asyncio.sleep(30)

    async with serving(hang) as service, inventory(service.url, watch, attempt_timeout=0.2) as http:
        with pytest.raises(TimedOut):
            await http.read([an_id(1)], Call())
        hanging.clear()
        task = asyncio.ensure_future(http.read([an_id(1)], Call()))
        await hanging.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert [(None, TimedOut), (None, asyncio.CancelledError)] == [end[:2] for end in watch.ended]
