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
WORK = SubscriptionSnapshot(
    connected=True,
    trouble=None,
    handled=7,
    duplicates=1,
    late=1,
    retried=2,
    dead_lettered=3,
    lag=0.25,
)
KNOWLEDGE = attrs.evolve(WORK, connected=False, handled=9, retried=0, dead_lettered=0, lag=None)


def shown(snapshot: Snapshot, of: str) -> dict[str, list[tuple[float, tuple[str, ...]]]]:
    """What the table reads from `snapshot`: each value with its labels' values, by metric."""
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
        events=EventsSnapshot(bus="nats://bus", catalog=WORK, invalidation=WORK),
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
    """Of a part that there is not, no value is shown: 0 would be a lie."""
    for part in ("queue", "events", "shared_cache", "tls"):
        values = shown(ALONE, part)
        assert {} != values
        assert [] == [name for name, samples in values.items() if samples]


def test_the_queue() -> None:
    """Depth, age and deaths are those of the worker's last look, and an error makes it unusable."""
    seen = datetime.now(UTC)
    stands = QueueSnapshot(as_of=seen, waiting=4, oldest_age=61.5, dead_letters=2)
    broken = attrs.evolve(ALONE, queue=attrs.evolve(stands, error="refused"))

    assert {
        "waiting": [(4.0, ())],
        "oldest_entry.age": [(61.5, ())],
        "dead_letters": [(2.0, ())],
        "available": [(1.0, ())],
    } == shown(attrs.evolve(ALONE, queue=stands), "queue")
    assert [(0.0, ())] == shown(broken, "queue")["available"]


def test_a_queue_that_nobody_has_looked_at() -> None:
    """Before the first look there is nothing to show, but that the queue cannot be used."""
    unseen = attrs.evolve(ALONE, queue=QueueSnapshot(as_of=None))
    broken = attrs.evolve(ALONE, queue=QueueSnapshot(as_of=None, error="refused"))

    assert {"waiting": [], "oldest_entry.age": [], "dead_letters": [], "available": []} == shown(
        unseen, "queue"
    )
    assert [(0.0, ())] == shown(broken, "queue")["available"]
    assert [] == shown(broken, "queue")["waiting"]


def test_events() -> None:
    """Each subscription has its own series; a lag that is not known has none."""
    stand = EventsSnapshot(bus="nats://bus", catalog=WORK, invalidation=KNOWLEDGE)

    assert {
        "handled": [(7.0, ("catalog",)), (9.0, ("invalidation",))],
        "retried": [(2.0, ("catalog",)), (0.0, ("invalidation",))],
        "dead_lettered": [(3.0, ("catalog",)), (0.0, ("invalidation",))],
        "lag": [(0.25, ("catalog",))],
        "connected": [(1.0, ("catalog",)), (0.0, ("invalidation",))],
    } == shown(attrs.evolve(ALONE, events=stand), "events")


def test_the_shared_cache() -> None:
    """What it had and had not, what was not written, whether it is asked, whether it is heard."""
    half = attrs.evolve(CLOSED, state=BreakerState.HALF_OPEN)
    stands = SharedCacheSnapshot(
        circuit_breaker=half, hits=5, misses=3, dropped_writes=2, backplane_connected=True
    )

    assert {
        "lookups": [(5.0, ("hit",)), (3.0, ("miss",))],
        "dropped_writes": [(2.0, ())],
        "available": [(0.0, ())],
        "backplane_connected": [(1.0, ())],
    } == shown(attrs.evolve(ALONE, shared_cache=stands), "shared_cache")


def test_certificates() -> None:
    """The end of each certificate that is known, in seconds of Unix time."""
    ends = TlsSnapshot(own_expires=None, service_expires=datetime(2027, 1, 1, tzinfo=UTC))

    assert {"expiry.timestamp": [(1798761600.0, ("service",))]} == shown(
        attrs.evolve(ALONE, tls=ends), "tls"
    )
