"""Counters and histograms: the metrics that a signal, a request or a page moves."""

from shelfport.adapters.observability.metric import Kind, Metric

ERROR_TYPE = "error.type"
FAULT_SCOPE = "shelfport.fault.scope"
"""The labels of a failure: the class of its error, and whose fault it is (`FaultScope`)."""

_HTTP_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
"""The advice of the semantic conventions for `http.client.request.duration`."""

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
        ERROR_TYPE,
    ),
    _HTTP_BUCKETS,
)
ATTEMPT_DURATION = Metric(
    "shelfport.inventory.attempt.duration",
    Kind.HISTOGRAM,
    "s",
    "Duration of attempts at the Inventory Service through any adapter, by outcome.",
    ("shelfport.operation", "shelfport.outcome", ERROR_TYPE, FAULT_SCOPE),
    _HTTP_BUCKETS,
)
RETRIES = Metric(
    "shelfport.inventory.retries",
    Kind.COUNTER,
    "{attempt}",
    "Attempts that failed and were retried.",
    ("shelfport.operation", ERROR_TYPE, FAULT_SCOPE),
)
BUDGET_EXHAUSTED = Metric(
    "shelfport.inventory.retry_budget.exhausted",
    Kind.COUNTER,
    "{attempt}",
    "Attempts that failed and were not retried, because the retry budget was exhausted.",
    ("shelfport.operation",),
)
BREAKER_CHANGES = Metric(
    "shelfport.inventory.circuit_breaker.state_changes",
    Kind.COUNTER,
    "{change}",
    "State changes of the circuit breaker, by the new state.",
    ("shelfport.circuit_breaker.state",),
)
CALLS_REJECTED = Metric(
    "shelfport.inventory.calls.rejected",
    Kind.COUNTER,
    "{call}",
    "Calls that this process rejected: the circuit was open, a limit was reached, or the service "
    "had asked to wait or refused the credentials.",
    ("shelfport.operation", ERROR_TYPE, FAULT_SCOPE),
)
REFRESH_FAILURES = Metric(
    "shelfport.inventory.refresh.failures",
    Kind.COUNTER,
    "{refresh}",
    "Background refreshes that failed.",
    (ERROR_TYPE, FAULT_SCOPE),
)
ANSWERS_REPAIRED = Metric(
    "shelfport.inventory.answers.repaired",
    Kind.COUNTER,
    "{element}",
    "Elements of answers that broke the contract in one member, and were read all the same.",
    ("shelfport.member",),
)
READINGS_HELD_BACK = Metric(
    "shelfport.inventory.readings.held_back",
    Kind.COUNTER,
    "{reading}",
    "Readings that were older than the known ones, by the service's own updatedAt.",
    (),
)
ABSENCES_DOUBTED = Metric(
    "shelfport.inventory.absences.doubted",
    Kind.COUNTER,
    "{variant}",
    "Variants that an answer lacked although they are known, and that were not believed absent.",
    (),
)
PAGE_AGE = Metric(
    "shelfport.inventory.page.age",
    Kind.HISTOGRAM,
    "s",
    "Age of the oldest reading on each page that was served.",
    (),
    (0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600),
)

COUNTERS: tuple[Metric, ...] = (
    HTTP_DURATION,
    ATTEMPT_DURATION,
    RETRIES,
    BUDGET_EXHAUSTED,
    BREAKER_CHANGES,
    CALLS_REJECTED,
    REFRESH_FAILURES,
    ANSWERS_REPAIRED,
    READINGS_HELD_BACK,
    ABSENCES_DOUBTED,
    PAGE_AGE,
)
"""The counters and histograms of the table of metrics."""
