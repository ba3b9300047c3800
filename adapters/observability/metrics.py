"""The table of metrics: every name, kind, unit and label there is, for every way out.

Names follow OpenTelemetry's conventions: `http.client.request.duration` is theirs, ours begin with
`shelfport.inventory.`; in Prometheus they are what an OpenTelemetry collector would make of them,
so that one dashboard and one set of alerts fit both. docs/metrics.md lists the same; a test
compares. Each metric also has the label `shelfport.integration`, which tells apart the integrations
of one process.
"""

from shelfport.adapters.observability.counters import COUNTERS
from shelfport.adapters.observability.gauges import GAUGES
from shelfport.adapters.observability.metric import Metric

METRICS: tuple[Metric, ...] = (*COUNTERS, *(shown.metric for shown in GAUGES))
