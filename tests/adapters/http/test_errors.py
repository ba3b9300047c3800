"""Errors that are hard to cause on a loopback, translated directly."""

import aiohttp
import pytest

from shelfport import InventoryError, StockReading
from shelfport.adapters.http.errors import HttpRequestContext, transport_error
from shelfport.errors import FaultScope, Operation, PathFailed, ReachedService, TimedOut
from shelfport.options import HttpOptions
from shelfport.ports import Call
from tests.adapters.http.conftest import Connect, facts_of
from tests.support.clocks import ManualClock
from tests.support.servers import serving, stocked
from tests.support.values import an_id

ASKED = HttpRequestContext(Operation.READ, (an_id(1),), Call(), "https://inventory.internal")


@pytest.mark.parametrize(
    ("error", "kind", "scope", "reached", "sentence"),
    [
        (
            aiohttp.ConnectionTimeoutError(),
            TimedOut,
            FaultScope.SERVICE,
            ReachedService.NO,
            "no connection to https://inventory.internal within the time for connecting",
        ),
        (
            aiohttp.ClientError("something\nnew"),
            PathFailed,
            FaultScope.PATH,
            ReachedService.UNKNOWN,
            "no answer from https://inventory.internal: something new",
        ),
    ],
)
def test_a_request_without_an_answer(
    error: Exception,
    kind: type[InventoryError],
    scope: FaultScope,
    reached: ReachedService,
    sentence: str,
) -> None:
    """A connection timeout reached no service; an unknown error is quoted."""
    translated = transport_error(error, ASKED, seconds=1, by_deadline=False)

    assert ((kind, scope, reached), sentence) == (facts_of(translated), str(translated))


async def test_a_deadline_far_off_changes_nothing(connect: Connect, clock: ManualClock) -> None:
    """A later deadline does not change the time of an attempt."""
    async with serving(stocked([an_id(1)])) as service:
        port = await connect(service.url, HttpOptions(attempt_timeout=5))

        answers = await port.read([an_id(1)], Call(deadline=clock.monotonic() + 100))

    assert isinstance(answers[an_id(1)], StockReading)
