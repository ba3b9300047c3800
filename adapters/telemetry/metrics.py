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

from shelfport.adapters.snapshot import Snapshot
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
