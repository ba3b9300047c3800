import asyncio

import pytest

from shelfport import Created, InventoryError, ProductVariantId, StockReading
from shelfport.adapters.layers import BatchingLayer
from shelfport.adapters.layers.batching import MAX_BYTES
from shelfport.errors import RequestBlocked, TimedOut
from shelfport.options import BatchOptions
from shelfport.ports import DEFAULT_CALL, Call, Unreadable
from shelfport.signals import BatchShrunk
from tests.support.listening import Heard
from tests.support.ports import Answers, Ids, ScriptedPort, raising
from tests.support.values import a_reading, an_id, an_initial_stock, ids

CALL = Call(correlation_id="page-17", max_staleness=3, attempt=2)


def batching(inner: ScriptedPort, **options: int) -> BatchingLayer:
    return BatchingLayer(inner, BatchOptions(**options), Heard())


@pytest.mark.parametrize(
    ("count", "sizes"),
    [(1, [1]), (200, [200]), (201, [200, 1]), (1000, [200] * 5), (10_000, [200] * 50)],
)
async def test_chunks(count: int, sizes: list[int]) -> None:
    """A read becomes as few requests as the limit allows, and all is answered in order."""
    inner = ScriptedPort()

    answers = await batching(inner).read(ids(count), DEFAULT_CALL)

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

    layer = batching(ScriptedPort(script), max_size=4)

    assert answers is await layer.read(given, CALL)
    [(below, call)] = asked
    assert given is below
    assert CALL is call


async def test_every_chunk_has_the_callers_call() -> None:
    """The chunks are consecutive, and each has the call of the caller."""
    inner = ScriptedPort()
    a, b, c, d, e = ids(5)

    await batching(inner, max_size=2, max_concurrency=1).read([a, b, c, d, e], CALL)

    assert [([a, b], CALL), ([c, d], CALL), ([e], CALL)] == inner.reads


async def test_duplicates_do_not_count() -> None:
    """An id that is asked for twice is asked once, also across chunks."""
    inner = ScriptedPort()
    twice = ids(150) + ids(150)

    answers = await batching(inner).read(twice, DEFAULT_CALL)

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

    answers = await batching(inner, max_concurrency=1).read(wanted, CALL)

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

    await batching(inner, max_concurrency=1).read(texts(*lengths), CALL)

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

    layer = batching(ScriptedPort(slow), max_size=10, max_concurrency=4)
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

    answers = await batching(ScriptedPort(second_fails)).read(ids(201), DEFAULT_CALL)

    *good, bad = answers.values()
    assert [StockReading] * 200 == [type(answer) for answer in good]
    assert Unreadable(error) == bad


async def test_all_chunks_fail() -> None:
    """If no chunk was answered, the call fails."""
    with pytest.raises(TimedOut, match="late"):
        await batching(ScriptedPort(raising(TimedOut("late")))).read(ids(201), DEFAULT_CALL)


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
            await batching(ScriptedPort(hang)).read(ids(600), DEFAULT_CALL)

    assert 3 == ended


async def test_initialize_passes_through() -> None:
    """An initialization is forwarded as it is."""
    inner, request = ScriptedPort(), an_initial_stock()

    outcome = await batching(inner).initialize(request, CALL)

    assert isinstance(outcome, Created)
    assert request.variant_id == outcome.item.variant_id
    assert [(request, CALL)] == inner.initializations


def too_long(status: int = 414) -> RequestBlocked:
    return RequestBlocked("the address is too long", status=status)


class Narrow(ScriptedPort):
    """Refuses requests for more than `accepts` variants for their length."""

    def __init__(self, accepts: int, status: int = 414) -> None:
        super().__init__(self._answer)
        self.accepts, self.error = accepts, too_long(status)
        self.in_flight = self.most_in_flight = 0

    async def _answer(self, ids: Ids, call: Call) -> Answers:
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        await asyncio.sleep(0.01)
        self.in_flight -= 1
        if len(ids) > self.accepts:
            raise self.error
        return {variant: a_reading(variant) for variant in ids}

    @property
    def sizes(self) -> list[int]:
        return [len(read) for read, _ in self.reads]


@pytest.mark.looptime
@pytest.mark.parametrize("status", [414, 431])
async def test_a_request_that_is_too_long_is_halved(status: int) -> None:
    """A request that is refused for its length goes out in halves, until they are accepted."""
    inner, heard = Narrow(60, status), Heard()

    answers = await BatchingLayer(inner, BatchOptions(), heard).read(ids(200), CALL)

    assert [200, 100, 100, 50, 50, 50, 50] == inner.sizes
    assert {CALL} == {call for _, call in inner.reads}
    assert ids(200) == list(answers)
    assert {StockReading} == {type(answer) for answer in answers.values()}
    assert [BatchShrunk(100, inner.error), BatchShrunk(50, inner.error)] == heard.signals


@pytest.mark.looptime
async def test_the_size_is_kept() -> None:
    """Later reads are divided at once, and nothing more is signalled."""
    inner, heard = Narrow(60), Heard()
    layer = BatchingLayer(inner, BatchOptions(), heard)
    await layer.read(ids(200), CALL)
    inner.reads.clear()
    heard.signals.clear()

    await layer.read(ids(120), CALL)
    await layer.read(ids(50), CALL)

    assert [50, 50, 20, 50] == inner.sizes
    assert [] == heard.signals


@pytest.mark.looptime
async def test_what_is_left_goes_out_in_the_new_size() -> None:
    """Of a read of many requests only those in flight are refused; the others are smaller."""
    inner = Narrow(60)

    answers = await batching(inner, max_size=100, max_concurrency=2).read(ids(500), CALL)

    assert [100, 100, *[50] * 10] == inner.sizes
    assert 2 == inner.most_in_flight
    assert ids(500) == list(answers)


@pytest.mark.looptime
async def test_two_pages_at_once_are_one_signal() -> None:
    """Pages whose requests are refused at once make them smaller once."""
    inner, heard = Narrow(100), Heard()
    layer = BatchingLayer(inner, BatchOptions(), heard)

    await asyncio.gather(layer.read(ids(200), CALL), layer.read(ids(190), CALL))
    await layer.read(ids(200), CALL)

    assert [BatchShrunk(100, inner.error)] == heard.signals
    assert [200, 190, 100, 100, 100, 90, 100, 100] == inner.sizes


@pytest.mark.looptime
async def test_not_for_its_length() -> None:
    """If one id alone is refused as well, the rest is not asked for, and the size is as before."""
    inner = Narrow(0, 431)
    layer = batching(inner, max_concurrency=1)

    with pytest.raises(RequestBlocked):
        await layer.read(ids(200), CALL)
    assert [200, 100, 50, 25, 12, 6, 3, 1] == inner.sizes

    inner.accepts = 200
    inner.reads.clear()
    await layer.read(ids(200), CALL)
    assert [200] == inner.sizes


@pytest.mark.looptime
@pytest.mark.parametrize("asked", [ids(1), ids(1) * 3])
async def test_one_variant_that_is_too_long(asked: Ids) -> None:
    """A request for one variant cannot be shorter: its refusal reaches the caller."""
    inner, heard = Narrow(0), Heard()
    layer = BatchingLayer(inner, BatchOptions(), heard)

    with pytest.raises(RequestBlocked):
        await layer.read(asked, CALL)

    assert ([asked], []) == ([read for read, _ in inner.reads], heard.signals)


@pytest.mark.looptime
async def test_a_smaller_setting_stays() -> None:
    """After a refusal of one id the size is that of the setting, not the contract's."""
    inner = Narrow(0)
    layer = batching(inner, max_size=7)
    with pytest.raises(RequestBlocked):
        await layer.read(ids(1), CALL)
    inner.accepts = 200
    inner.reads.clear()

    await layer.read(ids(14), CALL)

    assert [7, 7] == inner.sizes


@pytest.mark.parametrize("error", [too_long(400), too_long(413), TimedOut("late")])
async def test_other_failures_shrink_nothing(error: InventoryError) -> None:
    """What is refused or fails for another reason is not divided."""
    inner, heard = ScriptedPort(raising(error)), Heard()

    with pytest.raises(type(error)):
        await BatchingLayer(inner, BatchOptions(), heard).read(ids(4), CALL)

    assert (1, []) == (len(inner.reads), heard.signals)


@pytest.mark.looptime
async def test_a_half_that_fails() -> None:
    """A half that fails for another reason costs its own variants, in order."""
    error = TimedOut("late")

    async def script(ids: Ids, call: Call) -> Answers:
        if len(ids) > 2:
            raise too_long()
        if an_id(3) in ids:
            raise error
        return {variant: a_reading(variant) for variant in ids}

    answers = await batching(ScriptedPort(script)).read(ids(4), CALL)

    assert ids(4) == list(answers)
    assert [Unreadable(error)] * 2 == list(answers.values())[2:]
    assert [StockReading] * 2 == [type(answer) for answer in list(answers.values())[:2]]
