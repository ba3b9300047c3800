import asyncio
from collections.abc import Iterable
from itertools import pairwise

import attrs
import pytest

from shelfport import ProductVariantId
from shelfport.adapters.layers import Backplane, SharedCacheClient
from shelfport.adapters.runtime.background import Background
from shelfport.options import SharedCacheOptions
from shelfport.ports.shared_store import SharedCacheUnavailable
from shelfport.signals import BackplaneDisconnected, BackplaneReconnected
from tests.support.clocks import LoopClock
from tests.support.listening import Heard
from tests.support.shared_store import ModelStore
from tests.support.values import an_id

pytestmark = pytest.mark.looptime

A = an_id(1)


@attrs.define
class Told:
    """A memory that records its invalidations: variants, or None for all."""

    notes: list[ProductVariantId | None] = attrs.field(factory=list)

    def invalidate(self, variants: Iterable[ProductVariantId]) -> None:
        self.notes += variants

    def invalidate_all(self) -> None:
        self.notes.append(None)


@attrs.define
class Drawing:
    """A `uniform` that draws the low bound, or the high one, and records bounds and times."""

    high: bool = False
    bounds: list[tuple[float, float]] = attrs.field(factory=list)
    times: list[float] = attrs.field(factory=list)
    """A pause begins at each."""

    def __call__(self, low: float, high: float) -> float:
        self.bounds.append((low, high))
        self.times.append(LoopClock().monotonic())
        return high if self.high else low

    @property
    def pauses(self) -> list[float]:
        """The seconds of every pause that has ended with another failure."""
        return [later - earlier for earlier, later in pairwise(self.times)]


@attrs.define
class Stage:
    store: ModelStore
    background: Background
    heard: Heard
    memory: Told = attrs.field(factory=Told)
    draw: Drawing = attrs.field(factory=Drawing)

    def feed(self, reconnect_interval: float = 1.0) -> Backplane:
        clock = LoopClock()
        options = SharedCacheOptions(timeout=0.05, reconnect_interval=reconnect_interval)
        client = SharedCacheClient(self.store, options, clock, self.background, self.heard)
        return Backplane(client, self.memory, clock, self.draw, self.background, self.heard)


@pytest.fixture
def stage() -> Stage:
    return Stage(ModelStore(LoopClock()), Background(), Heard())


async def test_invalidations_reach_memory(stage: Stage) -> None:
    """What another replica fences is invalidated in memory."""
    async with stage.background, stage.feed() as feed:
        await stage.store.fence([A], None)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

        assert feed.client.backplane_connected
        assert [A] == stage.memory.notes
        assert [] == stage.heard.signals


async def test_opened_again(stage: Stage) -> None:
    """What was announced while it was closed is lost, so opening it again invalidates memory."""
    feed = stage.feed()
    async with stage.background, feed:
        pass
    closed = feed.client.backplane_connected
    async with stage.background, feed:
        await asyncio.sleep(0)

        assert ([None], False, True) == (
            stage.memory.notes,
            closed,
            feed.client.backplane_connected,
        )


async def test_a_lost_connection_invalidates_memory(stage: Stage) -> None:
    """A lost connection is signalled once; on reconnecting, everything in memory is invalidated."""
    async with stage.background, stage.feed() as feed:
        stage.store.error = SharedCacheUnavailable("gone")
        stage.store.cut()
        await asyncio.sleep(10)
        deaf = (feed.client.backplane_connected, list(stage.memory.notes))
        stage.store.error = None
        await asyncio.sleep(10)

        assert (False, []) == deaf
        assert ([None], True) == (stage.memory.notes, feed.client.backplane_connected)
        assert [BackplaneDisconnected("cut")] == stage.heard.of(BackplaneDisconnected)
        [again] = stage.heard.of(BackplaneReconnected)
        assert 10 <= again.seconds <= 15


async def test_a_start_without_a_store(stage: Stage) -> None:
    """A host starts at once with a store that hangs; what it read meanwhile is invalidated."""
    stage.store.delay = 3.0
    async with stage.background:
        began = LoopClock().monotonic()
        async with stage.feed() as feed:
            assert 0.05 == pytest.approx(LoopClock().monotonic() - began)
            heard = [feed.client.backplane_connected]
            await asyncio.sleep(5)
            heard.append(feed.client.backplane_connected)

    assert [False, True] == heard
    assert [None] == stage.memory.notes


async def test_a_start_invalidates_nothing(stage: Stage) -> None:
    """A replica that is connected from its start on invalidates nothing."""
    async with stage.background, stage.feed():
        await asyncio.sleep(5)

    assert [] == stage.memory.notes


async def test_a_connection_at_the_end_of_the_timeout(stage: Stage) -> None:
    """A first connection at the very end of the timeout is in time: nothing is invalidated."""
    stage.store.delay = 0.05
    async with stage.background, stage.feed() as feed:
        await asyncio.sleep(5)

        assert feed.client.backplane_connected
    assert [] == stage.memory.notes
    assert [] == stage.heard.signals


@pytest.mark.parametrize(("high", "pauses"), [(False, [0.5, 1, 2, 2.5, 2.5]), (True, [1, 2, 4, 5])])
async def test_the_pauses_grow(stage: Stage, high: bool, pauses: list[float]) -> None:
    """The bound of the pause doubles from `reconnect_interval` to 5 s; half to all is waited."""
    stage.store.error = SharedCacheUnavailable("gone")
    stage.draw.high = high
    async with stage.background, stage.feed():
        await asyncio.sleep(12.5)

    assert pauses == pytest.approx(stage.draw.pauses[: len(pauses)])
    assert {(0.5, 1.0)} == set(stage.draw.bounds)


async def test_a_long_reconnect_interval(stage: Stage) -> None:
    """A `reconnect_interval` above 5 s is the bound of every pause."""
    stage.store.error = SharedCacheUnavailable("gone")
    stage.draw.high = True
    async with stage.background, stage.feed(reconnect_interval=10):
        await asyncio.sleep(35)

    assert [10, 10, 10] == pytest.approx(stage.draw.pauses)


async def test_a_connection_resets_the_pauses(stage: Stage) -> None:
    """After a connection the pauses begin at `reconnect_interval` again."""
    stage.draw.high = True
    stage.store.error = SharedCacheUnavailable("gone")
    async with stage.background, stage.feed():
        await asyncio.sleep(6.9)
        stage.store.error = None
        await asyncio.sleep(13)
        connected = len(stage.draw.times)
        stage.store.error = SharedCacheUnavailable("gone")
        stage.store.cut()
        await asyncio.sleep(6.9)

    assert [1, 2] == pytest.approx(stage.draw.pauses[: connected - 1])
    assert [1, 2] == pytest.approx(stage.draw.pauses[connected:])


async def test_each_disconnection_has_its_two_signals(stage: Stage) -> None:
    """A disconnection and the reconnection after it are signalled once, with its true seconds."""
    gone = SharedCacheUnavailable("gone")
    async with stage.background, stage.feed():
        for length in (0.2, 1.2):
            await asyncio.sleep(100)
            stage.store.error = gone
            stage.store.cut()
            await asyncio.sleep(length)
            stage.store.error = None
            await asyncio.sleep(100)

    down, up = BackplaneDisconnected("cut"), BackplaneReconnected
    kinds = [type(signal) for signal in stage.heard.signals]
    assert [BackplaneDisconnected, up] * 2 == kinds
    assert [down, down] == stage.heard.of(BackplaneDisconnected)
    assert [0.5, 1.5] == pytest.approx([signal.seconds for signal in stage.heard.of(up)])
    assert [None, None] == stage.memory.notes


async def test_a_store_that_is_down_at_the_start(stage: Stage) -> None:
    """A store that refuses connections at the start is signalled once, and is tried again."""
    stage.store.error = SharedCacheUnavailable("gone")
    async with stage.background:
        await asyncio.sleep(10)
        async with stage.feed() as feed:
            at_start = (LoopClock().monotonic(), feed.client.backplane_connected)
            await asyncio.sleep(0.6)
            stage.store.error = None
            await asyncio.sleep(5)
            connected = feed.client.backplane_connected

    assert ((10, False), True) == (at_start, connected)
    [down, up] = stage.heard.signals
    assert BackplaneDisconnected("gone") == down
    assert isinstance(up, BackplaneReconnected)
    assert 1.5 == pytest.approx(up.seconds)
    assert [None] == stage.memory.notes


async def test_its_task_has_a_name(stage: Stage) -> None:
    """The task that receives invalidations is named for what it does."""
    async with stage.background, stage.feed():
        names = {task.get_name() for task in asyncio.all_tasks()}

    assert "shared cache backplane" in names
