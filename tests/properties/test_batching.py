"""Requests for any texts fit into an address, and are as few as their order allows."""

import asyncio
import string
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from shelfport import ProductVariantId
from shelfport.adapters.layers import BatchingLayer
from shelfport.options import BatchOptions
from shelfport.ports import DEFAULT_CALL
from tests.properties.text_ids import text_ids
from tests.support.ports import ScriptedPort

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
    layer = BatchingLayer(inner, BatchOptions(max_size=max_size, max_concurrency=1))

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
