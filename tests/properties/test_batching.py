"""Requests for any texts fit into an address, and are as few as their order allows."""

import asyncio
import string
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from shelfport import ProductVariantId, StockReading
from shelfport.adapters.layers import BatchingLayer
from shelfport.errors import RequestBlocked
from shelfport.options import BatchOptions
from shelfport.ports import DEFAULT_CALL, Call
from tests.properties.text_ids import text_ids
from tests.support.listening import Heard
from tests.support.ports import Answers, Ids, ScriptedPort
from tests.support.values import a_reading

ROOM = 7_500
UNRESERVED = frozenset(string.ascii_letters + string.digits + "-._~")
"""RFC 3986 §2.3: these stand for themselves in an address; any other takes three bytes."""

pages = st.lists(text_ids(), max_size=60) | st.lists(text_ids(min_size=100), max_size=120)


def room(variant: ProductVariantId) -> int:
    """The bytes of `variant` in an address, with the comma after it."""
    return sum(1 if character in UNRESERVED else 3 for character in variant) + 1


@given(page=pages, max_size=st.integers(1, 200))
def test_requests_fit_and_are_few(page: list[ProductVariantId], max_size: int) -> None:
    """Each request fits by count and by bytes, and no request could take the next one's first."""
    inner = ScriptedPort()
    layer = BatchingLayer(inner, BatchOptions(max_size=max_size, max_concurrency=1), Heard())

    answers = asyncio.run(layer.read(page, DEFAULT_CALL))

    # A read that needs no division is forwarded as it is, with its repetitions.
    requests = [list(dict.fromkeys(read)) for read, _ in inner.reads]
    wanted = list(dict.fromkeys(page))
    assert wanted == [variant for request in requests for variant in request]
    assert wanted == list(answers)
    for request in requests:
        assert len(request) <= max_size
        assert sum(map(room, request)) - 1 <= ROOM
    for request, following in pairwise(requests):
        full = sum(map(room, request)) + room(following[0]) > ROOM
        assert full or len(request) == max_size


@given(
    page=pages,
    accepted=st.integers(1, 200),
    max_size=st.integers(1, 200),
    max_concurrency=st.integers(1, 8),
)
def test_any_length_is_found(
    page: list[ProductVariantId], accepted: int, max_size: int, max_concurrency: int
) -> None:
    """Whatever length is accepted on the way, all is answered in order, and found out once."""

    async def narrow(ids: Ids, call: Call) -> Answers:
        await asyncio.sleep(0)
        if len(set(ids)) > accepted:
            raise RequestBlocked("the address is too long", status=414)
        return {variant: a_reading(variant) for variant in dict.fromkeys(ids)}

    async def read_twice() -> None:
        inner = ScriptedPort(narrow)
        options = BatchOptions(max_size=max_size, max_concurrency=max_concurrency)
        layer = BatchingLayer(inner, options, Heard())
        for _ in range(2):
            answers = await layer.read(page, DEFAULT_CALL)
            assert list(dict.fromkeys(page)) == list(answers)
            assert all(isinstance(answer, StockReading) for answer in answers.values())
            first, inner.reads = inner.reads, []
        assert all(len(set(read)) <= accepted for read, _ in first)

    asyncio.run(read_twice())
