"""The table of metrics: name, kind, unit and labels of each metric, for every exporter.

Names follow OpenTelemetry's conventions: `http.client.request.duration` is theirs, ours begin with
`shelfport.inventory.`. A name in Prometheus is the one that an OpenTelemetry collector makes of it,
so that one dashboard and one set of alerts fit both. docs/metrics.md lists the same metrics; a test
compares. Each metric also has the label `shelfport.integration`, which separates the integrations
of one process.
"""

from shelfport.adapters.observability.counters import COUNTERS
from shelfport.adapters.observability.gauges import GAUGES
from shelfport.adapters.observability.metric import Metric

METRICS: tuple[Metric, ...] = (*COUNTERS, *(gauge.metric for gauge in GAUGES))
