"""The metrics of the snapshot's parts: queue, events, shared cache, certificates."""

from datetime import UTC, datetime

import attrs

from shelfport import Snapshot
from shelfport.adapters.observability.gauges import GAUGES
from shelfport.ports import (
    BreakerSnapshot,
    CacheSnapshot,
    EventsSnapshot,
    QueueSnapshot,
    SharedCacheSnapshot,
    SubscriptionSnapshot,
    TlsSnapshot,
)
from shelfport.signals import BreakerState

CLOSED = BreakerSnapshot(
    state=BreakerState.CLOSED, forced=False, calls=0, failures=0, slow=0, next_probe=None
)
ALONE = Snapshot(
    open=True,
    circuit_breaker=CLOSED,
    cache=CacheSnapshot(fresh=0, stale=0, misses=0, unreadable=0, entries=0),
    retry_budget=3.0,
    queue=None,
)
CATALOG = SubscriptionSnapshot(
    connected=True,
    trouble=None,
    handled=7,
    duplicates=1,
    late=1,
    retried=2,
    dead_lettered=3,
    lag=0.25,
)
INVALIDATION = attrs.evolve(
    CATALOG, connected=False, handled=9, retried=0, dead_lettered=0, lag=None
)


def samples_of(snapshot: Snapshot, of: str) -> dict[str, list[tuple[float, tuple[str, ...]]]]:
    """The samples of `snapshot`: each value with its labels' values, by metric."""
    prefix = f"shelfport.inventory.{of}."
    return {
        row.metric.name.removeprefix(prefix): [
            (value, tuple(labels.values())) for value, labels in row.read(snapshot)
        ]
        for row in GAUGES
        if row.metric.name.startswith(prefix)
    }


def test_labels_are_those_of_the_table() -> None:
    """Each value comes with the labels that its metric is declared with, and no others."""
    everything = attrs.evolve(
        ALONE,
        queue=QueueSnapshot(as_of=datetime.now(UTC), oldest_age=1.0),
        events=EventsSnapshot(bus="nats://bus", catalog=CATALOG, invalidation=CATALOG),
        shared_cache=SharedCacheSnapshot(
            circuit_breaker=CLOSED, hits=0, misses=0, dropped_writes=0, backplane_connected=True
        ),
        tls=TlsSnapshot(own_expires=datetime.now(UTC), service_expires=datetime.now(UTC)),
    )

    for row in GAUGES:
        samples = list(row.read(everything))
        assert [] != samples, row.metric.name
        assert {row.metric.labels} == {tuple(labels) for _, labels in samples}


def test_parts_that_are_not_there() -> None:
    """A missing part has no sample: 0 would be wrong."""
    for part in ("queue", "events", "shared_cache", "tls"):
        values = samples_of(ALONE, part)
        assert {} != values
        assert [] == [name for name, samples in values.items() if samples]


def test_the_queue() -> None:
    """The figures are those of the worker's last read; an error makes the queue unavailable."""
    seen = datetime.now(UTC)
    stands = QueueSnapshot(as_of=seen, waiting=4, oldest_age=61.5, dead_letters=2)
    broken = attrs.evolve(ALONE, queue=attrs.evolve(stands, error="refused"))

    assert {
        "waiting": [(4.0, ())],
        "oldest_entry.age": [(61.5, ())],
        "dead_letters": [(2.0, ())],
        "available": [(1.0, ())],
    } == samples_of(attrs.evolve(ALONE, queue=stands), "queue")
    assert [(0.0, ())] == samples_of(broken, "queue")["available"]


def test_a_queue_before_its_first_read() -> None:
    """Before the first read there is one sample at most: that the queue is unavailable."""
    unseen = attrs.evolve(ALONE, queue=QueueSnapshot(as_of=None))
    broken = attrs.evolve(ALONE, queue=QueueSnapshot(as_of=None, error="refused"))

    assert {
        "waiting": [],
        "oldest_entry.age": [],
        "dead_letters": [],
        "available": [],
    } == samples_of(unseen, "queue")
    assert [(0.0, ())] == samples_of(broken, "queue")["available"]
    assert [] == samples_of(broken, "queue")["waiting"]


def test_events() -> None:
    """Each subscription has its own series; a lag that is not known has none."""
    stand = EventsSnapshot(bus="nats://bus", catalog=CATALOG, invalidation=INVALIDATION)

    assert {
        "handled": [(7.0, ("catalog",)), (9.0, ("invalidation",))],
        "retried": [(2.0, ("catalog",)), (0.0, ("invalidation",))],
        "dead_lettered": [(3.0, ("catalog",)), (0.0, ("invalidation",))],
        "lag": [(0.25, ("catalog",))],
        "connected": [(1.0, ("catalog",)), (0.0, ("invalidation",))],
    } == samples_of(attrs.evolve(ALONE, events=stand), "events")


def test_the_shared_cache() -> None:
    """Hits, misses, dropped writes, and whether the cache and its backplane are available."""
    half = attrs.evolve(CLOSED, state=BreakerState.HALF_OPEN)
    stands = SharedCacheSnapshot(
        circuit_breaker=half, hits=5, misses=3, dropped_writes=2, backplane_connected=True
    )

    assert {
        "lookups": [(5.0, ("hit",)), (3.0, ("miss",))],
        "dropped_writes": [(2.0, ())],
        "available": [(0.0, ())],
        "backplane_connected": [(1.0, ())],
    } == samples_of(attrs.evolve(ALONE, shared_cache=stands), "shared_cache")


def test_certificates() -> None:
    """The end of each certificate that is known, in seconds of Unix time."""
    ends = TlsSnapshot(own_expires=None, service_expires=datetime(2027, 1, 1, tzinfo=UTC))

    assert {"expiry.timestamp": [(1798761600.0, ("service",))]} == samples_of(
        attrs.evolve(ALONE, tls=ends), "tls"
    )
