"""The metrics that are read from the snapshot whenever figures are collected."""

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
    """A metric whose values are read from the snapshot whenever figures are collected."""

    metric: Metric
    read: Callable[[Snapshot], Iterable[Sample]]


def _part(value: float | None, **labels: str) -> Iterable[Sample]:
    """One value of a part of the snapshot; none where there is none."""
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
    """Reads the queue; nothing where there is none, or nobody here has looked at it yet."""

    def samples(snapshot: Snapshot) -> Iterable[Sample]:
        queue = snapshot.queue
        return () if queue is None or queue.as_of is None else _part(read(queue))

    return samples


def _queue_usable(snapshot: Snapshot) -> Iterable[Sample]:
    # Told before the first look, too: a database that is down from the start is never seen.
    queue = snapshot.queue
    if queue is None or (queue.as_of is None and queue.error is None):
        return ()
    return _part(queue.error is None)


def _subscriptions(
    read: Callable[[SubscriptionSnapshot], float | None],
) -> Callable[[Snapshot], Iterable[Sample]]:
    """Reads both subscriptions to events; nothing where there is no bus."""

    def samples(snapshot: Snapshot) -> Iterable[Sample]:
        if snapshot.events is None:
            return
        for name, one in (
            ("catalog", snapshot.events.catalog),
            ("invalidation", snapshot.events.invalidation),
        ):
            yield from _part(read(one), **{"shelfport.subscription": name})

    return samples


def _shared(
    read: Callable[[SharedCacheSnapshot], Iterable[Sample]],
) -> Callable[[Snapshot], Iterable[Sample]]:
    """Reads the shared cache; nothing where there is none."""

    def samples(snapshot: Snapshot) -> Iterable[Sample]:
        return () if snapshot.shared_cache is None else read(snapshot.shared_cache)

    return samples


def _shared_lookups(shared: SharedCacheSnapshot) -> Iterable[Sample]:
    yield from _part(shared.hits, **{"shelfport.result": "hit"})
    yield from _part(shared.misses, **{"shelfport.result": "miss"})


def _certificates(snapshot: Snapshot) -> Iterable[Sample]:
    if snapshot.tls is None:
        return
    for whose, at in (("own", snapshot.tls.own_expires), ("service", snapshot.tls.service_expires)):
        yield from _part(None if at is None else at.timestamp(), **{"shelfport.certificate": whose})


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
            "What is left of the retry budget: each repetition takes one.",
        ),
        lambda snapshot: [(snapshot.retry_budget, {})],
    ),
    SnapshotMetric(
        Metric(
            "shelfport.inventory.served",
            Kind.COUNTER,
            "{variant}",
            "Variants served, by where the answer came from: memory (fresh or stale), the service "
            "(miss), or nowhere (unreadable).",
            ("shelfport.result",),
        ),
        _served,
    ),
    SnapshotMetric(
        Metric(
            "shelfport.inventory.cache.entries",
            Kind.GAUGE,
            "{variant}",
            "Variants that are kept in memory.",
        ),
        lambda snapshot: [(snapshot.cache.entries, {})],
    ),
    SnapshotMetric(
        Metric(
            "shelfport.inventory.queue.waiting",
            Kind.GAUGE,
            "{entry}",
            "Initialisations that wait in the queue.",
            (),
        ),
        _queue(lambda queue: queue.waiting),
    ),
    SnapshotMetric(
        Metric(
            "shelfport.inventory.queue.oldest_entry.age",
            Kind.GAUGE,
            "s",
            "Time since the oldest of them was queued.",
            (),
        ),
        _queue(lambda queue: queue.oldest_age),
    ),
    SnapshotMetric(
        Metric(
            "shelfport.inventory.queue.dead_letters",
            Kind.GAUGE,
            "{entry}",
            "Initialisations that only a person can help on.",
            (),
        ),
        _queue(lambda queue: queue.dead_letters),
    ),
    SnapshotMetric(
        Metric(
            "shelfport.inventory.queue.available",
            Kind.GAUGE,
            "{queue}",
            "1 while the queue can be used, 0 while it cannot.",
            (),
        ),
        _queue_usable,
    ),
    SnapshotMetric(
        Metric(
            "shelfport.inventory.events.handled",
            Kind.COUNTER,
            "{event}",
            "Events done with.",
            ("shelfport.subscription",),
        ),
        _subscriptions(lambda one: one.handled),
    ),
    SnapshotMetric(
        Metric(
            "shelfport.inventory.events.retried",
            Kind.COUNTER,
            "{attempt}",
            "Attempts at events that failed and were repeated.",
            ("shelfport.subscription",),
        ),
        _subscriptions(lambda one: one.retried),
    ),
    SnapshotMetric(
        Metric(
            "shelfport.inventory.events.dead_lettered",
            Kind.COUNTER,
            "{message}",
            "Messages that were dead-lettered or passed over.",
            ("shelfport.subscription",),
        ),
        _subscriptions(lambda one: one.dead_lettered),
    ),
    SnapshotMetric(
        Metric(
            "shelfport.inventory.events.lag",
            Kind.GAUGE,
            "s",
            "Age of the event that was done with last, at that moment.",
            ("shelfport.subscription",),
        ),
        _subscriptions(lambda one: one.lag),
    ),
    SnapshotMetric(
        Metric(
            "shelfport.inventory.events.connected",
            Kind.GAUGE,
            "{subscription}",
            "1 while the subscription stands, 0 while it does not.",
            ("shelfport.subscription",),
        ),
        _subscriptions(lambda one: float(one.connected)),
    ),
    SnapshotMetric(
        Metric(
            "shelfport.inventory.shared_cache.lookups",
            Kind.COUNTER,
            "{variant}",
            "Variants looked up in the shared cache, by whether it had them.",
            ("shelfport.result",),
        ),
        _shared(_shared_lookups),
    ),
    SnapshotMetric(
        Metric(
            "shelfport.inventory.shared_cache.dropped_writes",
            Kind.COUNTER,
            "{write}",
            "Pages and fences that were not written to the shared cache.",
            (),
        ),
        _shared(lambda shared: _part(shared.dropped_writes)),
    ),
    SnapshotMetric(
        Metric(
            "shelfport.inventory.shared_cache.available",
            Kind.GAUGE,
            "{cache}",
            "1 while the shared cache is asked, 0 while it is out.",
            (),
        ),
        _shared(lambda s: _part(float(s.circuit_breaker.state is BreakerState.CLOSED))),
    ),
    SnapshotMetric(
        Metric(
            "shelfport.inventory.shared_cache.backplane_connected",
            Kind.GAUGE,
            "{feed}",
            "1 while what other replicas learn is heard, 0 while it is not.",
            (),
        ),
        _shared(lambda shared: _part(float(shared.backplane_connected))),
    ),
    SnapshotMetric(
        Metric(
            "shelfport.inventory.tls.expiry.timestamp",
            Kind.GAUGE,
            "s",
            "When our certificate, and the one that the service showed, expires: Unix time.",
            ("shelfport.certificate",),
        ),
        _certificates,
    ),
)
"""What is read from the snapshot: a part of the snapshot adds its rows here."""
