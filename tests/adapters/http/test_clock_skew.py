"""The service's clock against this host's, by the `Date` of answers."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from aiohttp import web

from shelfport import StockReading
from shelfport.ports import DEFAULT_CALL
from shelfport.signals import ClockSkewed, Signal
from tests.adapters.http.conftest import Connect
from tests.support.clocks import EPOCH, ManualClock
from tests.support.servers import Handler, json_response, serving, wire_level
from tests.support.values import an_id

A = an_id(1)
FAR = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def date(seconds: float) -> str:
    """`EPOCH` and some seconds, as an HTTP date."""
    return format_datetime(EPOCH + timedelta(seconds=seconds), usegmt=True)


def saying(
    *dates: str, clock: ManualClock | None = None, took: float = 0, age: str = "0"
) -> Handler:
    """A handler whose answers have these dates, one after the other, and take some time."""
    left = iter(dates)

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        if clock is not None:
            clock.advance(took)
        return json_response(wire_level(A), Date=next(left), Age=age)

    return handler


@pytest.mark.parametrize(
    ("said", "age", "seconds"),
    [
        (date(0), "0", None),
        (date(60), "0", None),
        (date(-61), "0", None),
        (date(61), "0", 61.0),
        (date(-62), "0", -61.0),
        (date(-600), "600", None),
        (date(-601), "300", -300.0),
        (date(0), "600", 600.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", "600", (FAR - EPOCH).total_seconds() + 600),
        (date(600), "9" * 20, None),
        ("yesterday", "0", None),
        ("Mon, 99 Foo 9999 99:99:99 GMT", "0", None),
        ("", "0", None),
    ],
)
async def test_a_skew_is_reported(
    connect: Connect, said: str, age: str, seconds: float | None
) -> None:
    """A difference of more than a minute is reported, less `Age`, and never costs the reading."""
    signals: list[Signal] = []
    async with serving(saying(said, age=age)) as service:
        port = await connect(service.url, listener=signals.append)
        answers = await port.read([A], DEFAULT_CALL)

    assert isinstance(answers[A], StockReading)
    assert ([] if seconds is None else [ClockSkewed(seconds)]) == signals


@pytest.mark.parametrize(
    ("took", "said", "seconds"),
    [(90, 0, 0.0), (90, 90, 0.0), (90, 100, 10.0), (90, -1, 0.0), (90, -6, -5.0)],
)
async def test_the_duration_of_a_request_is_no_skew(
    connect: Connect, clock: ManualClock, took: float, said: float, seconds: float
) -> None:
    """The service may have dated its answer at any moment between the request and its receipt."""
    async with serving(saying(date(said), clock=clock, took=took)) as service:
        port = await connect(service.url)
        assert port.clock_skew is None

        await port.read([A], DEFAULT_CALL)

    assert seconds == port.clock_skew


async def test_once_a_minute(connect: Connect, clock: ManualClock) -> None:
    """The clocks are compared once a minute."""
    signals: list[Signal] = []
    async with serving(saying(*[date(1000)] * 3)) as service:
        port = await connect(service.url, listener=signals.append)
        for pause in (0.0, 59.9, 0.1):
            clock.advance(pause)
            await port.read([A], DEFAULT_CALL)

    assert [ClockSkewed(1000.0), ClockSkewed(940.0)] == signals


async def test_this_hosts_clock_is_set_back(connect: Connect, clock: ManualClock) -> None:
    """A clock that is set back during a request makes the interval longer, and no skew of it."""
    async with serving(saying(date(-50), clock=clock, took=-100)) as service:
        port = await connect(service.url)
        await port.read([A], DEFAULT_CALL)

    assert 0.0 == port.clock_skew
