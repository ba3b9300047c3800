"""`BatchingLayer`: splits a read of many variants into requests of an accepted size."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
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
from shelfport.ports import InventoryPort

MAX_BYTES = 7_500
"""Bytes that the ids of one request may take in its address, with a comma each: RFC 9110 §4.1 asks
every server to accept an address of 8,000. 200 UUIDs take 7,400; long texts take more each."""


@attrs.frozen(kw_only=True)
class BatchOptions:
    """How a read of many variants is split."""

    max_size: int = attrs.field(default=200, validator=number(1, 200, unit="ids"))
    """Ids in one request, at most; the contract allows 200.

    Why: the contract's limit."""
    max_concurrency: int = attrs.field(default=8, validator=number(1, 64, unit="requests"))
    """Requests of one call in flight at once, at most.

    Why: 10,000 ids are 50 requests: eight at a time are quick, and other calls keep their share."""


@attrs.frozen(eq=False)
class BatchingLayer:
    """Splits a read into chunks, with a bounded number of one call's chunks in flight at once.

    If a chunk fails, its variants are `Unreadable`, as long as another chunk was answered. Each
    layer below sees one call for each request, so that limits, retries, the breaker and the records
    count requests.

    Right: `BatchingLayer(RetryLayer(CircuitBreakerLayer(http)))`: one failed chunk is repeated
    alone.
    Wrong: `RetryLayer(BatchingLayer(http))`: one failed chunk is not a failed call, so it is not
    repeated.
    """

    inner: InventoryPort
    options: BatchOptions

    async def read(
        self, ids: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        """See `InventoryPort.read`."""
        if len(ids) <= self.options.max_size and _fit(ids):
            return await self.inner.read(ids, call)
        chunks = list(_chunks(distinct(ids), self.options.max_size))
        parts: list[Mapping[ProductVariantId, Answer]] = [{}] * len(chunks)
        todo = iter(enumerate(chunks))
        async with asyncio.TaskGroup() as tasks:
            for _ in range(min(self.options.max_concurrency, len(chunks))):
                tasks.create_task(self._read_chunks(todo, parts, call))
        answers: dict[ProductVariantId, Answer] = {}
        for part in parts:
            answers.update(part)
        return settled(answers)

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        """Forward the call: it is about one variant."""
        return await self.inner.initialize(request, call)

    async def _read_chunks(
        self,
        todo: Iterator[tuple[int, Sequence[ProductVariantId]]],
        parts: list[Mapping[ProductVariantId, Answer]],
        call: Call,
    ) -> None:
        for position, chunk in todo:
            try:
                parts[position] = await self.inner.read(chunk, call)
            except InventoryError as error:
                parts[position] = dict.fromkeys(chunk, Unreadable(error))


def _chunks(ids: Sequence[ProductVariantId], max_size: int) -> Iterator[Sequence[ProductVariantId]]:
    """`ids` in parts of at most `max_size` ids, and of at most `MAX_BYTES` with more than one."""
    chunk: list[ProductVariantId] = []
    length = 0
    for variant in ids:
        size = len(quote(variant, safe="")) + 1  # with a comma
        if chunk and (len(chunk) == max_size or length + size > MAX_BYTES):
            yield chunk
            chunk, length = [], 0
        chunk.append(variant)
        length += size
    if chunk:
        yield chunk


def _fit(ids: Sequence[ProductVariantId]) -> bool:
    """Whether `ids`, with commas between them, take at most `MAX_BYTES` of an address."""
    text = ",".join(ids)
    # A character takes three bytes at most: a page of UUIDs need not be escaped to know that.
    return 3 * len(text) <= MAX_BYTES or len(quote(text, safe=",")) <= MAX_BYTES
