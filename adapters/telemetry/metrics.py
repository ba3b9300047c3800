"""The table of metrics: every name, kind, unit and label there is, for every way out.

Names follow OpenTelemetry's conventions: `http.client.request.duration` is theirs, ours begin with
`shelfport.inventory.`; in Prometheus they are what an OpenTelemetry collector would make of them,
so that one dashboard and one set of alerts fit both. docs/metrics.md lists the same; a test
compares. Each metric also has the label `shelfport.integration`, which tells apart the integrations
of one process.
"""

from collections.abc import Callable, Iterable, Mapping
from enum import Enum

import attrs

from shelfport.adapters.events.counts import SubscriptionSnapshot
from shelfport.adapters.layers import SharedSnapshot
from shelfport.adapters.snapshot import QueueSnapshot, Snapshot
from shelfport.domain.model.signals import BreakerState

INTEGRATION = "shelfport.integration"

Labels = Mapping[str, str]
Sample = tuple[float, Labels]
"""A value, and the labels that it stands under."""


class Kind(Enum):
    """What a metric's values mean."""

    COUNTER = "counter"
    """A total that only grows."""
    GAUGE = "gauge"
    """How it stands now."""
    HISTOGRAM = "histogram"
    """How often a value fell into which range."""


@attrs.frozen
class Metric:
    """One row of the table."""

    name: str
    kind: Kind
    unit: str
    """In UCUM: "s", or what is counted in braces."""
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    """Upper bounds of a histogram's ranges."""

    @property
    def prometheus_name(self) -> str:
        """The name in Prometheus, by OpenTelemetry's rules for the translation."""
        name = self.name.replace(".", "_")
        if self.unit == "s":
            name += "_seconds"
        return f"{name}_total" if self.kind is Kind.COUNTER else name


_HTTP_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
"""As the semantic conventions advise for `http.client.request.duration`."""

HTTP_DURATION = Metric(
    "http.client.request.duration",
    Kind.HISTOGRAM,
    "s",
    "Duration of HTTP client requests.",
    (
        "http.request.method",
        "server.address",
        "server.port",
        "http.response.status_code",
        "error.type",
    ),
    _HTTP_BUCKETS,
)
ATTEMPT_DURATION = Metric(
    "shelfport.inventory.attempt.duration",
    Kind.HISTOGRAM,
    "s",
    "Attempts at the Inventory Service through any adapter, by what came of them.",
    ("shelfport.operation", "shelfport.outcome", "error.type"),
    _HTTP_BUCKETS,
)
RETRIES = Metric(
    "shelfport.inventory.retries",
    Kind.COUNTER,
    "{attempt}",
    "Attempts that failed and were repeated.",
    ("shelfport.operation", "error.type"),
)
BUDGET_SPENT = Metric(
    "shelfport.inventory.retry_budget.spent",
    Kind.COUNTER,
    "{attempt}",
    "Attempts that failed and were not repeated, as the retry budget was spent.",
    ("shelfport.operation",),
)
BREAKER_CHANGES = Metric(
    "shelfport.inventory.breaker.changes",
    Kind.COUNTER,
    "{change}",
    "Changes of the circuit breaker, by the state that it went to.",
    ("shelfport.breaker.state",),
)
REFUSED = Metric(
    "shelfport.inventory.refused",
    Kind.COUNTER,
    "{call}",
    "Calls that were not made: the circuit was open, or this process overloaded.",
    ("shelfport.operation", "error.type"),
)
REFRESH_FAILURES = Metric(
    "shelfport.inventory.refresh.failures",
    Kind.COUNTER,
    "{refresh}",
    "Refreshes behind callers' backs that failed.",
    ("error.type",),
)
PAGE_AGE = Metric(
    "shelfport.inventory.page.age",
    Kind.HISTOGRAM,
    "s",
    "Age of the oldest reading on each page that was served.",
    (),
    (0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600),
)


@attrs.frozen
class Shown:
    """A metric whose values are read from the snapshot whenever figures are collected."""

    metric: Metric
    read: Callable[[Snapshot], Iterable[Sample]]


def _part(value: float | None, **labels: str) -> Iterable[Sample]:
    """One value of a part of the snapshot; none where there is none."""
    return () if value is None else ((float(value), labels),)


def _breaker_state(snapshot: Snapshot) -> Iterable[Sample]:
    for state in BreakerState:
        yield (
            float(snapshot.circuit.state is state),
            {"shelfport.breaker.state": state.value},
        )


def _served(snapshot: Snapshot) -> Iterable[Sample]:
    cache = snapshot.cache
    for result, variants in (
        ("fresh", cache.fresh),
        ("stale", cache.stale),
        ("miss", cache.missed),
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
        for name, one in (("work", snapshot.events.work), ("knowledge", snapshot.events.knowledge)):
            yield from _part(read(one), **{"shelfport.subscription": name})

    return samples


def _shared(
    read: Callable[[SharedSnapshot], Iterable[Sample]],
) -> Callable[[Snapshot], Iterable[Sample]]:
    """Reads the shared cache; nothing where there is none."""

    def samples(snapshot: Snapshot) -> Iterable[Sample]:
        return () if snapshot.shared is None else read(snapshot.shared)

    return samples


def _shared_lookups(shared: SharedSnapshot) -> Iterable[Sample]:
    yield from _part(shared.hits, **{"shelfport.result": "hit"})
    yield from _part(shared.misses, **{"shelfport.result": "miss"})


def _certificates(snapshot: Snapshot) -> Iterable[Sample]:
    if snapshot.tls is None:
        return
    for whose, at in (("own", snapshot.tls.own_expires), ("service", snapshot.tls.service_expires)):
        yield from _part(None if at is None else at.timestamp(), **{"shelfport.certificate": whose})


SHOWN: tuple[Shown, ...] = (
    Shown(
        Metric(
            "shelfport.inventory.breaker.state",
            Kind.GAUGE,
            "{circuit}",
            "1 for the state that the circuit breaker is in, 0 for the others.",
            ("shelfport.breaker.state",),
        ),
        _breaker_state,
    ),
    Shown(
        Metric(
            "shelfport.inventory.retry_budget.tokens",
            Kind.GAUGE,
            "{token}",
            "What is left of the retry budget: each repetition takes one.",
        ),
        lambda snapshot: [(snapshot.retry_budget, {})],
    ),
    Shown(
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
    Shown(
        Metric(
            "shelfport.inventory.cache.kept",
            Kind.GAUGE,
            "{variant}",
            "Variants that are kept in memory.",
        ),
        lambda snapshot: [(snapshot.cache.kept, {})],
    ),
    Shown(
        Metric(
            "shelfport.inventory.queue.waiting",
            Kind.GAUGE,
            "{entry}",
            "Initialisations that wait in the queue.",
            (),
        ),
        _queue(lambda queue: queue.waiting),
    ),
    Shown(
        Metric(
            "shelfport.inventory.queue.oldest.age",
            Kind.GAUGE,
            "s",
            "Time since the oldest of them was queued.",
            (),
        ),
        _queue(lambda queue: queue.oldest_age),
    ),
    Shown(
        Metric(
            "shelfport.inventory.queue.dead",
            Kind.GAUGE,
            "{entry}",
            "Initialisations that only a person can help on.",
            (),
        ),
        _queue(lambda queue: queue.dead),
    ),
    Shown(
        Metric(
            "shelfport.inventory.queue.usable",
            Kind.GAUGE,
            "{queue}",
            "1 while the queue can be used, 0 while it cannot.",
            (),
        ),
        _queue_usable,
    ),
    Shown(
        Metric(
            "shelfport.inventory.events.handled",
            Kind.COUNTER,
            "{event}",
            "Events done with.",
            ("shelfport.subscription",),
        ),
        _subscriptions(lambda one: one.handled),
    ),
    Shown(
        Metric(
            "shelfport.inventory.events.retried",
            Kind.COUNTER,
            "{attempt}",
            "Attempts at events that failed and were repeated.",
            ("shelfport.subscription",),
        ),
        _subscriptions(lambda one: one.retried),
    ),
    Shown(
        Metric(
            "shelfport.inventory.events.dead",
            Kind.COUNTER,
            "{message}",
            "Messages that were dead-lettered or passed over.",
            ("shelfport.subscription",),
        ),
        _subscriptions(lambda one: one.dead),
    ),
    Shown(
        Metric(
            "shelfport.inventory.events.lag",
            Kind.GAUGE,
            "s",
            "Age of the event that was done with last, at that moment.",
            ("shelfport.subscription",),
        ),
        _subscriptions(lambda one: one.lag),
    ),
    Shown(
        Metric(
            "shelfport.inventory.events.connected",
            Kind.GAUGE,
            "{subscription}",
            "1 while the subscription stands, 0 while it does not.",
            ("shelfport.subscription",),
        ),
        _subscriptions(lambda one: float(one.connected)),
    ),
    Shown(
        Metric(
            "shelfport.inventory.shared.lookups",
            Kind.COUNTER,
            "{variant}",
            "Variants looked up in the shared cache, by whether it had them.",
            ("shelfport.result",),
        ),
        _shared(_shared_lookups),
    ),
    Shown(
        Metric(
            "shelfport.inventory.shared.dropped_writes",
            Kind.COUNTER,
            "{write}",
            "Pages and fences that were not written to the shared cache.",
            (),
        ),
        _shared(lambda shared: _part(shared.dropped_writes)),
    ),
    Shown(
        Metric(
            "shelfport.inventory.shared.available",
            Kind.GAUGE,
            "{cache}",
            "1 while the shared cache is asked, 0 while it is out.",
            (),
        ),
        _shared(lambda s: _part(float(s.circuit.state is BreakerState.CLOSED))),
    ),
    Shown(
        Metric(
            "shelfport.inventory.shared.hears_changes",
            Kind.GAUGE,
            "{feed}",
            "1 while what other replicas learn is heard, 0 while it is not.",
            (),
        ),
        _shared(lambda shared: _part(float(shared.hears_changes))),
    ),
    Shown(
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

REPORTED: tuple[Metric, ...] = (
    HTTP_DURATION,
    ATTEMPT_DURATION,
    RETRIES,
    BUDGET_SPENT,
    BREAKER_CHANGES,
    REFUSED,
    REFRESH_FAILURES,
    PAGE_AGE,
)
"""What is measured when it happens."""

METRICS: tuple[Metric, ...] = (*REPORTED, *(shown.metric for shown in SHOWN))
