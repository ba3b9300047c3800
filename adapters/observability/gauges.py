"""The metrics that are read from the snapshot at each collection."""

from collections.abc import Callable, Iterable

import attrs

from shelfport.adapters.observability.metric import Kind, Metric, Sample
from shelfport.ports.signals import BreakerState
from shelfport.ports.snapshot import (
    QueueSnapshot,
    SharedCacheSnapshot,
    Snapshot,
    SubscriptionSnapshot,
)


@attrs.frozen
class SnapshotMetric:
    """A metric whose values are read from the snapshot at each collection."""

    metric: Metric
    read: Callable[[Snapshot], Iterable[Sample]]


def _part(value: float | None, **labels: str) -> Iterable[Sample]:
    """One sample, or none if the value is None."""
    return () if value is None else ((float(value), labels),)


def _breaker_state(snapshot: Snapshot) -> Iterable[Sample]:
    for state in BreakerState:
        yield (
            float(snapshot.circuit_breaker.state is state),
            {"shelfport.circuit_breaker.state": state.value},
        )


def _served(snapshot: Snapshot) -> Iterable[Sample]:
    cache = snapshot.cache
    for result, variants in (
        ("fresh", cache.fresh),
        ("stale", cache.stale),
        ("miss", cache.misses),
        ("unreadable", cache.unreadable),
    ):
        yield variants, {"shelfport.result": result}


def _queue(read: Callable[[QueueSnapshot], float | None]) -> Callable[[Snapshot], Iterable[Sample]]:
    """Reads the queue; no sample without a queue, or before this process has read it."""

    def samples(snapshot: Snapshot) -> Iterable[Sample]:
        queue = snapshot.queue
        return () if queue is None or queue.as_of is None else _part(read(queue))

    return samples


def _queue_available(snapshot: Snapshot) -> Iterable[Sample]:
    # An error counts before the first read, too: a database may be down from the start.
    queue = snapshot.queue
    if queue is None or (queue.as_of is None and queue.error is None):
        return ()
    return _part(queue.error is None)


def _subscriptions(
    read: Callable[[SubscriptionSnapshot], float | None],
) -> Callable[[Snapshot], Iterable[Sample]]:
    """Reads the subscriptions that this process has; no sample without a message bus."""

    def samples(snapshot: Snapshot) -> Iterable[Sample]:
        if snapshot.events is None:
            return
        for name, one in (
            ("catalog", snapshot.events.catalog),
            ("invalidation", snapshot.events.invalidation),
        ):
            if one.wanted:
                yield from _part(read(one), **{"shelfport.subscription": name})

    return samples


def _shared_cache(
    read: Callable[[SharedCacheSnapshot], Iterable[Sample]],
) -> Callable[[Snapshot], Iterable[Sample]]:
    """Reads the shared cache; no sample without one."""

    def samples(snapshot: Snapshot) -> Iterable[Sample]:
        return () if snapshot.shared_cache is None else read(snapshot.shared_cache)

    return samples


def _shared_cache_lookups(shared: SharedCacheSnapshot) -> Iterable[Sample]:
    yield from _part(shared.hits, **{"shelfport.result": "hit"})
    yield from _part(shared.misses, **{"shelfport.result": "miss"})


def _certificates(snapshot: Snapshot) -> Iterable[Sample]:
    if snapshot.tls is None:
        return
    for owner, at in (("own", snapshot.tls.own_expires), ("service", snapshot.tls.service_expires)):
        yield from _part(None if at is None else at.timestamp(), **{"shelfport.certificate": owner})


GAUGES: tuple[SnapshotMetric, ...] = (
    SnapshotMetric(
        Metric(
            "shelfport.inventory.circuit_breaker.state",
            Kind.GAUGE,
            "{circuit}",
            "1 for the state that the circuit breaker is in, 0 for the others.",
            ("shelfport.circuit_breaker.state",),
        ),
        _breaker_state,
    ),
    SnapshotMetric(
        Metric(
            "shelfport.inventory.retry_budget.tokens",
            Kind.GAUGE,
            "{token}",
            "Tokens left in the retry budget; each retry takes one.",
        ),
        lambda snapshot: [(snapshot.retry_budget, {})],
    ),
    SnapshotMetric(
        Metric(
            "shelfport.inventory.served",
            Kind.COUNTER,
            "{variant}",
            "Variants served, by result: fresh or stale from memory, miss (answered by the "
            "service) or unreadable (no answer).",
            ("shelfport.result",),
        ),
        _served,
    ),
    SnapshotMetric(
        Metric(
            "shelfport.inventory.cache.entries",
            Kind.GAUGE,
            "{variant}",
            "Variants in the cache of this process.",
        ),
        lambda snapshot: [(snapshot.cache.entries, {})],
    ),
    SnapshotMetric(
        Metric(
            "shelfport.inventory.queue.waiting",
            Kind.GAUGE,
            "{entry}",
            "Initializations that wait in the queue.",
            (),
        ),
        _queue(lambda queue: queue.waiting),
    ),
    SnapshotMetric(
        Metric(
            "shelfport.inventory.queue.oldest_entry.age",
            Kind.GAUGE,
            "s",
            "Time since the oldest waiting initialization was queued.",
            (),
        ),
        _queue(lambda queue: queue.oldest_age),
    ),
    SnapshotMetric(
        Metric(
            "shelfport.inventory.queue.dead_letters",
            Kind.GAUGE,
            "{entry}",
            "Initializations that are dead letters: an operator must retry or drop them.",
            (),
        ),
        _queue(lambda queue: queue.dead_letters),
    ),
    SnapshotMetric(
        Metric(
            "shelfport.inventory.queue.available",
            Kind.GAUGE,
            "{queue}",
            "1 while the queue is available, 0 while it is not.",
            (),
        ),
        _queue_available,
    ),
    SnapshotMetric(
        Metric(
            "shelfport.inventory.events.handled",
            Kind.COUNTER,
            "{event}",
            "Events that were handled.",
            ("shelfport.subscription",),
        ),
        _subscriptions(lambda one: one.handled),
    ),
    SnapshotMetric(
        Metric(
            "shelfport.inventory.events.retried",
            Kind.COUNTER,
            "{attempt}",
            "Attempts to handle an event that failed and were retried.",
            ("shelfport.subscription",),
        ),
        _subscriptions(lambda one: one.retried),
    ),
    SnapshotMetric(
        Metric(
            "shelfport.inventory.events.dead_lettered",
            Kind.COUNTER,
            "{message}",
            "Messages that were dead-lettered or discarded.",
            ("shelfport.subscription",),
        ),
        _subscriptions(lambda one: one.dead_lettered),
    ),
    SnapshotMetric(
        Metric(
            "shelfport.inventory.events.lag",
            Kind.GAUGE,
            "s",
            "Age of the last event when it was handled.",
            ("shelfport.subscription",),
        ),
        _subscriptions(lambda one: one.lag),
    ),
    SnapshotMetric(
        Metric(
            "shelfport.inventory.events.connected",
            Kind.GAUGE,
            "{subscription}",
            "1 while the subscription is connected, 0 while it is not.",
            ("shelfport.subscription",),
        ),
        _subscriptions(lambda one: float(one.connected)),
    ),
    SnapshotMetric(
        Metric(
            "shelfport.inventory.shared_cache.lookups",
            Kind.COUNTER,
            "{variant}",
            "Variants looked up in the shared cache, by result: hit or miss.",
            ("shelfport.result",),
        ),
        _shared_cache(_shared_cache_lookups),
    ),
    SnapshotMetric(
        Metric(
            "shelfport.inventory.shared_cache.dropped_writes",
            Kind.COUNTER,
            "{write}",
            "Writes to the shared cache that were dropped: pages and fences.",
            (),
        ),
        _shared_cache(lambda shared: _part(shared.dropped_writes)),
    ),
    SnapshotMetric(
        Metric(
            "shelfport.inventory.shared_cache.available",
            Kind.GAUGE,
            "{cache}",
            "1 while the shared cache is used, 0 while it is bypassed.",
            (),
        ),
        _shared_cache(lambda s: _part(float(s.circuit_breaker.state is BreakerState.CLOSED))),
    ),
    SnapshotMetric(
        Metric(
            "shelfport.inventory.shared_cache.backplane_connected",
            Kind.GAUGE,
            "{connection}",
            "1 while the backplane is connected, 0 while it is not.",
            (),
        ),
        _shared_cache(lambda shared: _part(float(shared.backplane_connected))),
    ),
    SnapshotMetric(
        Metric(
            "shelfport.inventory.tls.expiry.timestamp",
            Kind.GAUGE,
            "s",
            "Expiry of our certificate and of the service's, as Unix time.",
            ("shelfport.certificate",),
        ),
        _certificates,
    ),
)
"""The metrics of the snapshot; a part of the snapshot adds its rows here."""
