"""`Prometheus`: the table of metrics on the host's registry. Needs the extra `prometheus`."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from weakref import WeakKeyDictionary

try:
    from prometheus_client import Counter, Histogram
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
    from prometheus_client.metrics_core import Metric as Family
    from prometheus_client.registry import REGISTRY, Collector, CollectorRegistry
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        'prometheus-client is not installed: pip install "shelfport[prometheus]"', name=error.name
    ) from error

from shelfport.adapters.observability.counters import COUNTERS, HTTP_DURATION, PAGE_AGE
from shelfport.adapters.observability.gauges import GAUGES
from shelfport.adapters.observability.http_attributes import http_labels
from shelfport.adapters.observability.metric import INTEGRATION, Kind, Labels, Metric
from shelfport.adapters.observability.signal_table import row_of
from shelfport.domain.model import Call, RequestContext
from shelfport.ports.signals import Signal
from shelfport.ports.snapshot import Snapshot
from shelfport.ports.telemetry import ObservedRequest


class Prometheus:
    """Exports the metrics of one integration to a registry: pass one to `build(telemetry=[…])`.

    Counters and histograms move when a signal comes. Gauges are read from the snapshot at each
    scrape, while the integration is open.

    Args:
        registry: the host's; prometheus-client's own by default.
        integration: the label that names this integration on the registry.
    """

    def __init__(
        self, registry: CollectorRegistry = REGISTRY, *, integration: str = "inventory"
    ) -> None:
        self._exporter = _exporter_of(registry)
        self._integration = integration
        self._page_age = self._exporter.histogram(PAGE_AGE, {}, integration)

    def __repr__(self) -> str:
        return f"Prometheus(integration={self._integration!r})"

    def signal(self, signal: Signal, /) -> None:
        """See `Telemetry`."""
        measure = row_of(signal).measure
        if measure is not None:
            self._record(measure.metric, measure.value(signal), measure.labels(signal))

    def request_started(
        self, method: str, _url: str, context: RequestContext, /
    ) -> ObservedRequest:
        """See `Telemetry`."""
        return _TimedRequest(self._record, method, context)

    def page_age(self, seconds: float, /) -> None:
        """See `ObservesPageAge`."""
        self._page_age.observe(seconds)

    @contextmanager
    def attach(self, snapshot: Callable[[], Snapshot], /) -> Iterator[None]:
        """See `Telemetry`.

        Raises:
            ValueError: another open integration has the same name on this registry.
        """
        snapshots = self._exporter.snapshots
        if self._integration in snapshots:
            raise ValueError(
                f"an integration {self._integration!r} is open on this registry already: "
                "give each a name of its own, Prometheus(registry, integration=…)"
            )
        snapshots[self._integration] = snapshot
        try:
            yield
        finally:
            del snapshots[self._integration]

    def _record(self, metric: Metric, value: float, labels: Labels) -> None:
        if metric.kind is Kind.COUNTER:
            self._exporter.counter(metric, labels, self._integration).inc(value)
        else:
            self._exporter.histogram(metric, labels, self._integration).observe(value)


class _TimedRequest:
    """A request whose duration is recorded."""

    __slots__ = ("_context", "_method", "_record", "call")

    def __init__(
        self, record: Callable[[Metric, float, Labels], None], method: str, context: RequestContext
    ) -> None:
        self._record = record
        self._method = method
        self._context = context
        self.call: Call = context.call

    def ended(self, status: int | None, error: BaseException | None, seconds: float) -> None:
        """See `ObservedRequest`."""
        labels = http_labels(self._method, self._context, status, error)
        self._record(HTTP_DURATION, seconds, labels)


class _Exporter(Collector):
    """All integrations of one registry, as each metric family must come from one collector."""

    def __init__(self) -> None:
        self.snapshots: dict[str, Callable[[], Snapshot]] = {}
        """Reads the snapshot of each open integration, by name."""
        self._counters = {
            metric: Counter(metric.prometheus_name, metric.help, _names(metric), registry=None)
            for metric in COUNTERS
            if metric.kind is Kind.COUNTER
        }
        self._histograms = {
            metric: Histogram(
                metric.prometheus_name,
                metric.help,
                _names(metric),
                registry=None,
                buckets=metric.buckets,
            )
            for metric in COUNTERS
            if metric.kind is Kind.HISTOGRAM
        }

    def counter(self, metric: Metric, labels: Labels, integration: str) -> Counter:
        """The counter under these labels."""
        return self._counters[metric].labels(*_values(metric, labels, integration))

    def histogram(self, metric: Metric, labels: Labels, integration: str) -> Histogram:
        """The histogram under these labels."""
        return self._histograms[metric].labels(*_values(metric, labels, integration))

    def describe(self) -> Iterator[Family]:
        """The families without values; the registry checks their names."""
        for instrument in (*self._counters.values(), *self._histograms.values()):
            yield from instrument.describe()
        for gauge in GAUGES:
            yield _family(gauge.metric)

    def collect(self) -> Iterator[Family]:
        """All current values. Called at each scrape, in the scraper's thread."""
        for instrument in (*self._counters.values(), *self._histograms.values()):
            yield from instrument.collect()
        snapshots = {name: read() for name, read in list(self.snapshots.items())}
        for gauge in GAUGES:
            family = _family(gauge.metric)
            for integration, snapshot in snapshots.items():
                for value, labels in gauge.read(snapshot):
                    family.add_metric(_values(gauge.metric, labels, integration), value)
            yield family


_exporters: WeakKeyDictionary[CollectorRegistry, _Exporter] = WeakKeyDictionary()


def _exporter_of(registry: CollectorRegistry) -> _Exporter:
    exporter = _exporters.get(registry)
    if exporter is None:
        exporter = _Exporter()
        registry.register(exporter)
        _exporters[registry] = exporter
    return exporter


def _family(metric: Metric) -> CounterMetricFamily | GaugeMetricFamily:
    kind = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
    return kind(metric.prometheus_name, metric.help, labels=_names(metric))


def _names(metric: Metric) -> list[str]:
    return [label.replace(".", "_") for label in (INTEGRATION, *metric.labels)]


def _values(metric: Metric, labels: Mapping[str, str], integration: str) -> list[str]:
    return [integration, *(labels.get(label, "") for label in metric.labels)]
