import asyncio
from collections.abc import Iterable

import attrs
import pytest

from shelfport import ProductVariantId
from shelfport.adapters.layers import Backplane, SharedCacheClient
from shelfport.adapters.runtime.background import Background
from shelfport.options import SharedCacheOptions
from shelfport.ports.shared_store import SharedCacheUnavailable
from shelfport.signals import BackplaneDisconnected, BackplaneReconnected
from tests.support.clocks import LoopClock
from tests.support.listening import Heard, lowest
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
class Stage:
    store: ModelStore
    background: Background
    heard: Heard
    memory: Told = attrs.field(factory=Told)

    def feed(self) -> Backplane:
        clock = LoopClock()
        options = SharedCacheOptions(timeout=0.05, reconnect_interval=1.0)
        client = SharedCacheClient(self.store, options, clock, self.background, self.heard)
        return Backplane(client, self.memory, clock, lowest, self.background, self.heard)


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
