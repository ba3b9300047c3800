"""The table of metrics: every name, kind, unit and label there is, for every way out.

Names follow OpenTelemetry's conventions: `http.client.request.duration` is theirs, ours begin with
`shelfport.inventory.`; in Prometheus they are what an OpenTelemetry collector would make of them,
so that one dashboard and one set of alerts fit both. docs/metrics.md lists the same; a test
compares. Each metric also has the label `shelfport.integration`, which tells apart the integrations
of one process.
"""

from shelfport.adapters.telemetry.metric import Metric
from shelfport.adapters.telemetry.reported import REPORTED
from shelfport.adapters.telemetry.shown import SHOWN

METRICS: tuple[Metric, ...] = (*REPORTED, *(shown.metric for shown in SHOWN))
