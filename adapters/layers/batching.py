"""`BatchingLayer`: splits a read of many variants into requests of an accepted size."""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from itertools import islice
from urllib.parse import quote

import attrs

from shelfport.domain.model import (
    Answer,
    Call,
    Initialized,
    InitialStock,
    InventoryError,
    ProductVariantId,
    Unreadable,
    distinct,
    settled,
)
from shelfport.domain.model.validators import number
from shelfport.ports import InventoryPort, Listener
from shelfport.ports.signals import BatchShrunk

MAX_BYTES = 7_500
"""Bytes that the ids of one request may take in its address, with a comma each: RFC 9110 §4.1 asks
every server to accept an address of 8,000. 200 UUIDs take 7,400; long texts take more each."""


_TOO_LONG = frozenset({HTTPStatus.REQUEST_URI_TOO_LONG, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE})


@attrs.frozen(kw_only=True)
class BatchOptions:
    """How a read of many variants is split."""

    max_size: int = attrs.field(default=200, validator=number(1, 200, unit="ids"))
    """Ids in one request, at most; the contract allows 200.

    Why: the contract's limit."""
    max_concurrency: int = attrs.field(default=8, validator=number(1, 64, unit="requests"))
    """Requests of one call in flight at once, at most.

    Why: 10,000 ids are 50 requests: eight at a time are quick, and other calls keep their share."""


def is_too_long(error: InventoryError) -> bool:
    """Whether something refused the request for its length: 414, or 431 (RFC 6585 §5)."""
    return error.status in _TOO_LONG


@attrs.define
class RequestSize:
    """What one request takes: `BatchingLayer` finds it out, and `CoalescingLayer` goes by it."""

    max_ids: int
    """Ids in one request, at most: the setting, or what has turned out to be accepted."""

    def take(self, left: deque[ProductVariantId]) -> list[ProductVariantId]:
        """Take the ids of one request off `left`: of at most `MAX_BYTES`, if it is several ids."""
        chunk = list(islice(left, self.max_ids))
        if _fit(chunk):
            for _ in chunk:
                left.popleft()
            return chunk
        chunk.clear()
        length = 0
        while left:
            length += len(quote(left[0], safe="")) + 1  # with a comma
            if chunk and length > MAX_BYTES:
                break
            chunk.append(left.popleft())
        return chunk


@attrs.define(eq=False)
class BatchingLayer:
    """Splits a read into chunks, with a bounded number of one call's chunks in flight at once.

    If a chunk fails, its variants are `Unreadable`, as long as another chunk was answered. Each
    layer below sees one call for each request, so that limits, retries, the breaker and the records
    count requests. If something on the way refuses a chunk for its length, this process sends
    chunks of half its size from then on; if it refuses one id as well, it is not for the length.

    Right: `BatchingLayer(RetryLayer(CircuitBreakerLayer(http)))`: one failed chunk is repeated
    alone.
    Wrong: `RetryLayer(BatchingLayer(http))`: one failed chunk is not a failed call, so it is not
    repeated.
    """

    inner: InventoryPort
    options: BatchOptions
    listener: Listener = attrs.field(repr=False)
    size: RequestSize = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self.size = RequestSize(self.options.max_size)

    async def read(
        self, ids: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        """See `InventoryPort.read`."""
        if len(ids) <= self.size.max_ids and _fit(ids):
            try:
                return await self.inner.read(ids, call)
            except InventoryError as error:
                if not self._shrinks(error, distinct(ids)):
                    raise
        wanted = distinct(ids)
        left = deque(wanted)
        answers: dict[ProductVariantId, Answer] = {}
        async with asyncio.TaskGroup() as tasks:
            for _ in range(min(self.options.max_concurrency, len(wanted))):
                tasks.create_task(self._read_chunks(left, answers, call))
        return settled({variant: answers[variant] for variant in wanted})

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        """Forward the call: it is about one variant."""
        return await self.inner.initialize(request, call)

    async def _read_chunks(
        self,
        left: deque[ProductVariantId],
        answers: dict[ProductVariantId, Answer],
        call: Call,
    ) -> None:
        """Read chunks of what is `left` until nothing is."""
        while left:
            chunk = self.size.take(left)
            try:
                answers.update(await self.inner.read(chunk, call))
            except InventoryError as error:
                if self._shrinks(error, chunk):
                    left.extendleft(reversed(chunk))
                    continue
                if is_too_long(error):  # of one id, so what is left would be refused as well
                    chunk += left
                    left.clear()
                answers.update(dict.fromkeys(chunk, Unreadable(error)))

    def _shrinks(self, error: InventoryError, ids: Sequence[ProductVariantId]) -> bool:
        """Whether `ids` were refused for their length, and go into smaller requests from now on."""
        if not is_too_long(error):
            return False
        if len(ids) == 1:
            self.size.max_ids = self.options.max_size  # the number of ids was never the reason
            return False
        if len(ids) <= self.size.max_ids:  # else another request was refused since it was sent
            self.size.max_ids = len(ids) // 2
            self.listener(BatchShrunk(self.size.max_ids, error))
        return True


def _fit(ids: Sequence[ProductVariantId]) -> bool:
    """Whether `ids`, with commas between them, take at most `MAX_BYTES` of an address."""
    text = ",".join(ids)
    # A character takes three bytes at most: a page of UUIDs need not be escaped to know that.
    return 3 * len(text) <= MAX_BYTES or len(quote(text, safe=",")) <= MAX_BYTES
