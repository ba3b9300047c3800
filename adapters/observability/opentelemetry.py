"""`OpenTelemetry`: client spans and the table of metrics. Needs the extra `otel`.

Only the API of OpenTelemetry is used; the host chooses the SDK and its exporters. Without an SDK
nothing is recorded.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import Token
from importlib.metadata import version
from weakref import WeakKeyDictionary

import attrs

try:
    from opentelemetry import context as contexts
    from opentelemetry import metrics, trace
    from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation
    from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, TracerProvider
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
except ModuleNotFoundError as missing:
    raise ModuleNotFoundError(
        'opentelemetry-api is not installed: pip install "shelfport[otel]"', name=missing.name
    ) from missing

from shelfport.adapters.http.wire import TRACEPARENT
from shelfport.adapters.observability.counters import (
    COUNTERS,
    ERROR_TYPE,
    FAULT_SCOPE,
    HTTP_DURATION,
    PAGE_AGE,
)
from shelfport.adapters.observability.gauges import GAUGES, SnapshotMetric
from shelfport.adapters.observability.http_attributes import error_type, http_labels, server_of
from shelfport.adapters.observability.metric import INTEGRATION, Kind, Labels, Metric
from shelfport.adapters.observability.signal_table import row_of
from shelfport.domain.model import Call, InventoryError, Operation, RequestContext
from shelfport.domain.model.call import was_begun_here
from shelfport.ports.signals import Signal
from shelfport.ports.snapshot import Snapshot
from shelfport.ports.telemetry import ObservedRequest

_LONGEST_URL = 512
"""Characters of `url.full`: 200 ids would make 7,400 on every span."""
_NUMBERS = frozenset({"server.port", "http.response.status_code"})
"""Attributes that are integers by the semantic conventions."""
_ATTRIBUTES = {"error": ERROR_TYPE, "scope": FAULT_SCOPE}
"""Names of a signal's fields as attributes of a span's event, where they differ."""
_NO_OTHER_SPAN = "suppress_http_instrumentation"
"""Stops OpenTelemetry's own instrumentation of aiohttp from making a second span."""
_W3C = TraceContextTextMapPropagator()

Attributes = Mapping[str, str | int | float]


class OpenTelemetry:
    """Reports one integration to OpenTelemetry: pass one to `build(telemetry=[…])`.

    Each HTTP request is a client span by the semantic conventions. Its parent is the host's current
    span, or else the `traceparent` of the host's request. The service gets the client span's
    `traceparent`. Retries, rejected calls, smaller batches, stale answers and state changes of the
    circuit breaker are events on the host's current span.

    Args:
        tracer_provider: makes the spans; the global one by default.
        meter_provider: takes the metrics; the global one by default.
        integration: names this integration among those of the process.
    """

    def __init__(
        self,
        *,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        integration: str = "inventory",
    ) -> None:
        provider = tracer_provider or trace.get_tracer_provider()
        self._tracer = provider.get_tracer("shelfport", version("shelfport"))
        self._meters = _meters_of(meter_provider or metrics.get_meter_provider())
        self._integration = integration
        self._own = {INTEGRATION: integration}

    def __repr__(self) -> str:
        return f"OpenTelemetry(integration={self._integration!r})"

    def signal(self, signal: Signal, /) -> None:
        """See `Telemetry`."""
        row = row_of(signal)
        measure = row.measure
        if measure is not None:
            self._record(measure.metric, measure.value(signal), measure.labels(signal))
        if row.on_span and (span := trace.get_current_span()).is_recording():
            span.add_event(f"shelfport.{row.event}", _event_attributes(row.fields(signal)))

    def request_started(self, method: str, url: str, context: RequestContext, /) -> ObservedRequest:
        """See `Telemetry`."""
        return _TracedRequest(
            method,
            url,
            context,
            tracer=self._tracer,
            record=self._record,
            integration=self._integration,
        )

    def page_age(self, seconds: float, /) -> None:
        """See `ObservesPageAge`."""
        self._meters.record(PAGE_AGE, seconds, self._own)

    def carry(self) -> Callable[[], object]:
        """See `CarriesTrace`."""
        current = contexts.get_current()
        return lambda: contexts.attach(current)

    @contextmanager
    def attach(self, snapshot: Callable[[], Snapshot], /) -> Iterator[None]:
        """See `Telemetry`.

        Raises:
            ValueError: another open integration has the same name at this meter provider.
        """
        snapshots = self._meters.snapshots
        if self._integration in snapshots:
            raise ValueError(
                f"an integration {self._integration!r} is open at this meter provider already: "
                "give each a name of its own, OpenTelemetry(integration=…)"
            )
        snapshots[self._integration] = snapshot
        try:
            yield
        finally:
            del snapshots[self._integration]

    def _record(self, metric: Metric, value: float, labels: Labels) -> None:
        self._meters.record(metric, value, _attributes({**self._own, **labels}))


class _TracedRequest:
    """A request with a span around it, which is the current span until the request ends."""

    __slots__ = ("_context", "_method", "_record", "_span", "_token", "call")

    def __init__(
        self,
        method: str,
        url: str,
        context: RequestContext,
        *,
        tracer: Tracer,
        record: Callable[[Metric, float, Labels], None],
        integration: str,
    ) -> None:
        self._record = record
        self._method = method
        self._context = context
        parent = _parent(context.call)
        template = _template(context)
        self._span = tracer.start_span(
            f"{method} {template}",
            parent,
            SpanKind.CLIENT,
            {INTEGRATION: integration, **_request_attributes(method, url, template, context)},
        )
        within = trace.set_span_in_context(self._span, parent)
        self.call = _under(within, context.call)
        self._token: Token[contexts.Context] = contexts.attach(
            contexts.set_value(_NO_OTHER_SPAN, True, within)
        )

    def ended(self, status: int | None, error: BaseException | None, seconds: float) -> None:
        """See `ObservedRequest`."""
        contexts.detach(self._token)
        _end(self._span, self._method, status, error)
        self._record(
            HTTP_DURATION, seconds, http_labels(self._method, self._context, status, error)
        )


def _parent(call: Call) -> contexts.Context:
    """The host's current span, or else the context of the host's request, or else a new trace."""
    current = contexts.get_current()
    if trace.get_current_span(current).get_span_context().is_valid:
        return current
    if call.traceparent is None or was_begun_here(call.traceparent):
        return current
    return _W3C.extract({TRACEPARENT: call.traceparent}, current)


def _under(within: contexts.Context, call: Call) -> Call:
    """`call` with the trace context of the span in `within`, if it has one."""
    carrier: dict[str, str] = {}
    _W3C.inject(carrier, within)
    return attrs.evolve(call, traceparent=carrier.get(TRACEPARENT, call.traceparent))


def _template(context: RequestContext) -> str:
    one = context.operation is Operation.READ and len(context.ids) == 1
    return "/inventory/{productVariantId}" if one else "/inventory"


def _request_attributes(
    method: str, url: str, template: str, context: RequestContext
) -> dict[str, str | int]:
    address, port = server_of(context.where)
    attributes: dict[str, str | int] = {
        "http.request.method": method,
        "server.address": address,
        "server.port": int(port),
        "url.full": _shortened(url),
        "url.template": template,
        "shelfport.operation": context.operation.value,
        "shelfport.variants": len(context.ids),
    }
    if context.call.correlation_id is not None:
        attributes["shelfport.correlation_id"] = context.call.correlation_id
    if context.call.attempt > 1:
        attributes["http.request.resend_count"] = context.call.attempt - 1
    return attributes


def _shortened(url: str) -> str:
    if len(url) <= _LONGEST_URL:
        return url
    return f"{url[:_LONGEST_URL].rpartition(',')[0]},…"


def _end(span: Span, method: str, status: int | None, error: BaseException | None) -> None:
    if status is not None:
        span.set_attribute("http.response.status_code", status)
    failure = error_type(method, status, error)
    if failure is not None:
        span.set_attribute(ERROR_TYPE, failure)
        # Other errors than ours may quote a secret.
        description = str(error) if isinstance(error, InventoryError) else None
        span.set_status(Status(StatusCode.ERROR, description))
    span.end()


def _event_attributes(fields: Mapping[str, object]) -> dict[str, str | int | float]:
    """The fields that a signal has, as attributes of a span's event."""
    return {
        _ATTRIBUTES.get(name, name): value
        for name, value in fields.items()
        if isinstance(value, str | int | float)
    }


class _Meters:
    """The instruments of one meter provider, each made once."""

    def __init__(self, provider: MeterProvider) -> None:
        self.snapshots: dict[str, Callable[[], Snapshot]] = {}
        """Reads the snapshot of each open integration, by name."""
        meter = provider.get_meter("shelfport", version("shelfport"))
        self._counters = {
            m: meter.create_counter(m.name, m.unit, m.help)
            for m in COUNTERS
            if m.kind is Kind.COUNTER
        }
        self._histograms = {
            m: meter.create_histogram(
                m.name, m.unit, m.help, explicit_bucket_boundaries_advisory=m.buckets
            )
            for m in COUNTERS
            if m.kind is Kind.HISTOGRAM
        }
        for gauge in GAUGES:
            metric = gauge.metric
            create = (
                meter.create_observable_counter
                if metric.kind is Kind.COUNTER
                else meter.create_observable_gauge
            )
            create(metric.name, [self._reader(gauge)], metric.unit, metric.help)

    def record(self, metric: Metric, value: float, attributes: Attributes) -> None:
        """Add to a counter, or record in a histogram."""
        if metric.kind is Kind.COUNTER:
            self._counters[metric].add(value, attributes)
        else:
            self._histograms[metric].record(value, attributes)

    def _reader(self, gauge: SnapshotMetric) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def read(_options: CallbackOptions) -> Iterable[Observation]:
            for integration, snapshot in list(self.snapshots.items()):
                for value, labels in gauge.read(snapshot()):
                    yield Observation(value, _attributes({INTEGRATION: integration, **labels}))

        return read


_meters: WeakKeyDictionary[MeterProvider, _Meters] = WeakKeyDictionary()


def _meters_of(provider: MeterProvider) -> _Meters:
    meters = _meters.get(provider)
    if meters is None:
        meters = _meters[provider] = _Meters(provider)
    return meters


def _attributes(labels: Labels) -> Attributes:
    return {name: int(v) if name in _NUMBERS and v else v for name, v in labels.items()}
