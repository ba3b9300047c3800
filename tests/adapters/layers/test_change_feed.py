import asyncio
from collections.abc import Iterable

import attrs
import pytest

from shelfport import ChangesCut, ChangesHeard, ProductVariantId, SharedOptions
from shelfport.adapters.background import Background
from shelfport.adapters.layers import ChangeFeed, SecondLevel
from shelfport.adapters.layers.second_level import SharedOut
from tests.support.clocks import LoopClock
from tests.support.listening import Heard, lowest
from tests.support.shared_store import ModelStore
from tests.support.values import an_id

pytestmark = pytest.mark.looptime

A = an_id(1)


@attrs.define
class Told:
    """A memory that notes what it is told: variants, or None for all."""

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

    def feed(self) -> ChangeFeed:
        clock = LoopClock()
        options = SharedOptions(timeout=0.05, retry_after=1.0)
        level = SecondLevel(self.store, options, clock, self.background, self.heard)
        return ChangeFeed(level, self.memory, clock, lowest, self.background, self.heard)


@pytest.fixture
def stage() -> Stage:
    return Stage(ModelStore(LoopClock()), Background(), Heard())


async def test_changes_are_passed_on(stage: Stage) -> None:
    """What another replica fences is not current in memory any more."""
    async with stage.background, stage.feed() as feed:
        await stage.store.fence([A], None)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

        assert feed.level.hears_changes
        assert [A] == stage.memory.notes
        assert [] == stage.heard.signals


async def test_a_cut_is_made_up_for(stage: Stage) -> None:
    """After a cut, which is told once, everything in memory is fenced as soon as it hears again."""
    async with stage.background, stage.feed() as feed:
        stage.store.error = SharedOut("gone")
        stage.store.cut()
        await asyncio.sleep(10)
        deaf = (feed.level.hears_changes, list(stage.memory.notes))
        stage.store.error = None
        await asyncio.sleep(10)

        assert (False, []) == deaf
        assert ([None], True) == (stage.memory.notes, feed.level.hears_changes)
        assert [ChangesCut("cut")] == stage.heard.of(ChangesCut)
        [again] = stage.heard.of(ChangesHeard)
        assert 10 <= again.seconds <= 15


async def test_a_start_without_a_store(stage: Stage) -> None:
    """A host starts at once beside a store that hangs; what it read meanwhile is fenced."""
    stage.store.delay = 3.0
    async with stage.background:
        began = LoopClock().monotonic()
        async with stage.feed() as feed:
            assert 0.05 == pytest.approx(LoopClock().monotonic() - began)
            heard = [feed.level.hears_changes]
            await asyncio.sleep(5)
            heard.append(feed.level.hears_changes)

    assert [False, True] == heard
    assert [None] == stage.memory.notes


async def test_a_start_fences_nothing(stage: Stage) -> None:
    """A replica that hears from its start on may believe what the store keeps from before."""
    async with stage.background, stage.feed():
        await asyncio.sleep(5)

    assert [] == stage.memory.notes
