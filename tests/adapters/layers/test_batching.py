import asyncio

import pytest

from shelfport import Created, ProductVariantId, StockReading
from shelfport.adapters.layers import BatchingLayer
from shelfport.adapters.layers.batching import MAX_BYTES
from shelfport.errors import TimedOut
from shelfport.options import BatchOptions
from shelfport.ports import DEFAULT_CALL, Call, Unreadable
from tests.support.ports import Answers, Ids, ScriptedPort, raising
from tests.support.values import a_reading, an_initial_stock, ids

CALL = Call(correlation_id="page-17", max_staleness=3, attempt=2)


@pytest.mark.parametrize(
    ("count", "sizes"),
    [(1, [1]), (200, [200]), (201, [200, 1]), (1000, [200] * 5), (10_000, [200] * 50)],
)
async def test_chunks(count: int, sizes: list[int]) -> None:
    """A read becomes as few requests as the limit allows, and all is answered in order."""
    inner = ScriptedPort()

    answers = await BatchingLayer(inner, BatchOptions()).read(ids(count), DEFAULT_CALL)

    assert sizes == [len(read) for read, _ in inner.reads]
    assert ids(count) == list(answers)


@pytest.mark.parametrize("count", [1, 3, 4])
async def test_a_read_that_fits_passes_as_it_is(count: int) -> None:
    """A read of at most one chunk is forwarded as it is, without a copy."""
    given = ids(count)
    asked: list[tuple[Ids, Call]] = []
    answers = {variant: a_reading(variant) for variant in given}

    async def script(ids: Ids, call: Call) -> Answers:
        asked.append((ids, call))
        return answers

    layer = BatchingLayer(ScriptedPort(script), BatchOptions(max_size=4))

    assert answers is await layer.read(given, CALL)
    [(below, call)] = asked
    assert given is below
    assert CALL is call


async def test_every_chunk_has_the_callers_call() -> None:
    """The chunks are consecutive, and each has the call of the caller."""
    inner = ScriptedPort()
    a, b, c, d, e = ids(5)

    await BatchingLayer(inner, BatchOptions(max_size=2, max_concurrency=1)).read(
        [a, b, c, d, e], CALL
    )

    assert [([a, b], CALL), ([c, d], CALL), ([e], CALL)] == inner.reads


async def test_duplicates_do_not_count() -> None:
    """An id that is asked for twice is asked once, also across chunks."""
    inner = ScriptedPort()
    twice = ids(150) + ids(150)

    answers = await BatchingLayer(inner, BatchOptions()).read(twice, DEFAULT_CALL)

    assert [150] == [len(read) for read, _ in inner.reads]
    assert ids(150) == list(answers)


@pytest.mark.parametrize(
    ("character", "sizes"),
    [("x", [58, 42]), ("-", [58, 42]), ("%", [19, 19, 19, 19, 19, 5]), ("/", [19] * 5 + [5])],
)
async def test_long_texts_are_split_by_their_bytes(character: str, sizes: list[int]) -> None:
    """Texts are divided by the bytes that they take in an address, escaped where they must be."""
    inner = ScriptedPort()
    wanted = [ProductVariantId(f"{number:02}" + character * 126) for number in range(100)]

    answers = await BatchingLayer(inner, BatchOptions(max_concurrency=1)).read(wanted, CALL)

    assert sizes == [len(read) for read, _ in inner.reads]
    assert wanted == [variant for read, _ in inner.reads for variant in read]
    assert wanted == list(answers)


def texts(*lengths: int) -> list[ProductVariantId]:
    return [
        ProductVariantId(f"{number:03}".ljust(size, "x")) for number, size in enumerate(lengths)
    ]


@pytest.mark.parametrize(
    ("lengths", "sizes"),
    [
        ([124] * 59 + [125], [60]),
        ([124] * 59 + [126], [59, 1]),
        ([124] * 121, [60, 60, 1]),
        ([124] * 59 + [125] * 61, [59, 59, 2]),
    ],
)
async def test_a_request_is_filled_up_to_its_bytes(lengths: list[int], sizes: list[int]) -> None:
    """Texts that take exactly the bytes of a request are one request; one byte more divides it."""
    inner = ScriptedPort()

    await BatchingLayer(inner, BatchOptions(max_concurrency=1)).read(texts(*lengths), CALL)

    assert sizes == [len(read) for read, _ in inner.reads]


async def test_200_uuids_fit_by_their_bytes() -> None:
    """The bytes divide no page of UUIDs that its count allows."""
    assert len(",".join(ids(200))) < MAX_BYTES < len(",".join(ids(203)))


@pytest.mark.looptime
async def test_bounded_parallelism() -> None:
    """Chunks run concurrently, but no more of one call than allowed."""
    under_way, most = 0, 0

    async def slow(ids: Ids, call: Call) -> Answers:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(1)
        under_way -= 1
        return {variant: a_reading(variant) for variant in ids}

    layer = BatchingLayer(ScriptedPort(slow), BatchOptions(max_size=10, max_concurrency=4))
    started = asyncio.get_running_loop().time()

    await layer.read(ids(100), DEFAULT_CALL)

    assert 4 == most
    assert 3 == asyncio.get_running_loop().time() - started


async def test_a_failed_chunk_costs_its_own_variants() -> None:
    """The other chunks' answers stand; those of the failed one are unreadable."""
    error = TimedOut("late")

    async def second_fails(ids: Ids, call: Call) -> Answers:
        if len(ids) == 1:
            raise error
        return {variant: a_reading(variant) for variant in ids}

    answers = await BatchingLayer(ScriptedPort(second_fails), BatchOptions()).read(
        ids(201), DEFAULT_CALL
    )

    *good, bad = answers.values()
    assert [StockReading] * 200 == [type(answer) for answer in good]
    assert Unreadable(error) == bad


async def test_all_chunks_fail() -> None:
    """If no chunk was answered, the call fails."""
    with pytest.raises(TimedOut, match="late"):
        await BatchingLayer(ScriptedPort(raising(TimedOut("late"))), BatchOptions()).read(
            ids(201), DEFAULT_CALL
        )


@pytest.mark.looptime
async def test_cancellation_ends_all_chunks() -> None:
    """A cancelled caller leaves no request behind."""
    ended = 0

    async def hang(ids: Ids, call: Call) -> Answers:
        nonlocal ended
        try:
            await asyncio.Event().wait()
        finally:
            ended += 1
        return {}

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await BatchingLayer(ScriptedPort(hang), BatchOptions()).read(ids(600), DEFAULT_CALL)

    assert 3 == ended


async def test_initialize_passes_through() -> None:
    """An initialization is forwarded as it is."""
    inner, request = ScriptedPort(), an_initial_stock()

    outcome = await BatchingLayer(inner, BatchOptions()).initialize(request, CALL)

    assert isinstance(outcome, Created)
    assert request.variant_id == outcome.item.variant_id
    assert [(request, CALL)] == inner.initializations
