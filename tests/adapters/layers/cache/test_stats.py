import pytest

from shelfport import InventoryError
from shelfport.adapters.layers import CacheLayer
from shelfport.ports import Call
from shelfport.ports.snapshot import CacheSnapshot
from tests.adapters.layers.cache.world import DOWN, A, B, C, D, Service, after, read
from tests.support.listening import Heard

pytestmark = pytest.mark.looptime


@pytest.fixture
def ages(cached: CacheLayer) -> list[float]:
    """The age of each page that was served."""
    ages: list[float] = []
    cached.stats.page_age = ages.append
    return ages


def counts(cached: CacheLayer) -> tuple[int, int, int, int]:
    """Fresh, stale, missed, unreadable."""
    seen = cached.snapshot()
    return seen.fresh, seen.stale, seen.misses, seen.unreadable


async def test_a_miss_and_hits(cached: CacheLayer, ages: list[float], heard: Heard) -> None:
    """The first read of a variant is a miss, the next is fresh; a page of hits makes no signal."""
    await read(cached, A, B)
    await after(2)
    await read(cached, A, B)
    await read(cached, A, B, A)

    assert CacheSnapshot(fresh=4, stale=0, misses=2, unreadable=0, entries=2) == cached.snapshot()
    assert [0.0, 2.0, 2.0] == ages
    assert [] == heard.signals


async def test_the_oldest_of_a_page(cached: CacheLayer, ages: list[float]) -> None:
    """The age of a page is that of its oldest reading, stored or read just now."""
    await read(cached, A)
    await after(3)
    await read(cached, A, B)
    await after(0.5)
    await read(cached, B)
    await read(cached, B, A)

    assert [0.0, 3.0, 0.5, 3.5] == ages
    assert (4, 0, 2, 0) == counts(cached)


async def test_stale_ones(cached: CacheLayer, service: Service, ages: list[float]) -> None:
    """A reading after its `ttl` counts as stale, with its age."""
    await read(cached, A, B)
    await after(20)
    service.error = DOWN
    await read(cached, A, B)
    await after(80)
    await read(cached, A, B)

    assert (0, 4, 2, 0) == counts(cached)
    assert [0.0, 20.0, 100.0] == ages


async def test_better_than_stale(cached: CacheLayer, service: Service) -> None:
    """A variant that the service answers in time is a miss, though a stale reading was there."""
    await read(cached, A)
    await after(60)
    await read(cached, A)

    assert (0, 0, 2, 0) == counts(cached)


async def test_nothing_to_show(cached: CacheLayer, service: Service, ages: list[float]) -> None:
    """A variant without any answer counts as unreadable; a page of them has no age."""
    await read(cached, A)
    service.error = DOWN
    await read(cached, A, B)
    with pytest.raises(InventoryError):
        await read(cached, C, D)

    assert (1, 0, 1, 3) == counts(cached)
    assert 2 == len(ages)


async def test_no_variant_of_the_service(cached: CacheLayer, service: Service) -> None:
    """A variant without a record is a miss once, then fresh for `negative_ttl`."""
    service.unknown = {A}
    await read(cached, A)
    await read(cached, A)

    assert (1, 0, 1, 0) == counts(cached)


async def test_at_a_checkout(cached: CacheLayer) -> None:
    """A stored reading that is too old for the caller is a miss."""
    await read(cached, A)
    await after(1)
    await read(cached, A, call=Call(max_staleness=0))

    assert (0, 0, 2, 0) == counts(cached)


async def test_an_empty_page(cached: CacheLayer, ages: list[float]) -> None:
    """No variants, no figures."""
    await read(cached)

    assert (0, 0, 0, 0) == counts(cached)
    assert [] == ages
