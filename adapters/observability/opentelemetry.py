"""`OpenTelemetry`: client spans and the table of metrics. Needs the extra `otel`.

Of OpenTelemetry only the API is used; which SDK stands behind it, and where it sends what it
gets, is the host's. Without an SDK nothing is recorded.
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
from shelfport.adapters.observability.counters import COUNTERS, HTTP_DURATION, PAGE_AGE
from shelfport.adapters.observability.gauges import GAUGES, SnapshotMetric
from shelfport.adapters.observability.metric import INTEGRATION, Kind, Labels, Metric
from shelfport.adapters.observability.recording import error_type, http_labels, measured, server_of
from shelfport.domain.model import Call, InventoryError, Operation, RequestContext
from shelfport.domain.model.call import was_begun_here
from shelfport.ports.signals import (
    BreakerChanged,
    CallRejected,
    RetryBudgetExhausted,
    Retrying,
    ServedStale,
    Signal,
)
from shelfport.ports.snapshot import Snapshot
from shelfport.ports.telemetry import ObservedRequest

_LONGEST_URL = 512
"""Of `url.full`: 200 ids would make 7,400 characters on every span."""
_NUMBERS = frozenset({"server.port", "http.response.status_code"})
"""Attributes that are integers by the semantic conventions."""
_NO_OTHER_SPAN = "suppress_http_instrumentation"
"""Keeps OpenTelemetry's own instrumentation of aiohttp from making a second span of a request."""
_W3C = TraceContextTextMapPropagator()

Attributes = Mapping[str, str | int | float]


class OpenTelemetry:
    """Reports one integration to OpenTelemetry: pass one to `build(telemetry=[…])`.

    Each request on the wire is a client span by the HTTP semantic conventions, a child of the
    host's current span; where there is none, of the `traceparent` that came with the host's
    request. The service gets the client span's `traceparent`. Retries, refusals and changes of
    the circuit are events on the host's current span.

    Args:
        tracer_provider: makes the spans; without it, the global one.
        meter_provider: takes the metrics; without it, the global one.
        integration: tells apart several integrations of one process.
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
        for metric, value, labels in measured(signal):
            self._record(metric, value, labels)
        span = trace.get_current_span()
        if span.is_recording():
            for name, attributes in _events(signal):
                span.add_event(f"shelfport.inventory.{name}", attributes)

    def request_started(self, method: str, url: str, context: RequestContext, /) -> ObservedRequest:
        """See `Telemetry`."""
        return _Traced(
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

    @contextmanager
    def showing(self, snapshot: Callable[[], Snapshot], /) -> Iterator[None]:
        """See `Telemetry`.

        Raises:
            ValueError: another open integration has the same name at this meter provider.
        """
        shown = self._meters.shown
        if self._integration in shown:
            raise ValueError(
                f"an integration {self._integration!r} is open at this meter provider already: "
                "give each a name of its own, OpenTelemetry(integration=…)"
            )
        shown[self._integration] = snapshot
        try:
            yield
        finally:
            del shown[self._integration]

    def _record(self, metric: Metric, value: float, labels: Labels) -> None:
        self._meters.record(metric, value, _attributes({**self._own, **labels}))


class _Traced:
    """An exchange with a span around it: the current one while the request is under way."""

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
    """The host's current span; else what came with its request; else a trace of its own."""
    current = contexts.get_current()
    if trace.get_current_span(current).get_span_context().is_valid:
        return current
    if call.traceparent is None or was_begun_here(call.traceparent):
        return current
    return _W3C.extract({TRACEPARENT: call.traceparent}, current)


def _under(within: contexts.Context, call: Call) -> Call:
    """`call` with the trace context of the span in `within`, where it has one."""
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
        "url.full": _shown(url),
        "url.template": template,
        "shelfport.operation": context.operation.value,
        "shelfport.variants": len(context.ids),
    }
    if context.call.correlation_id is not None:
        attributes["shelfport.correlation_id"] = context.call.correlation_id
    if context.call.attempt > 1:
        attributes["http.request.resend_count"] = context.call.attempt - 1
    return attributes


def _shown(url: str) -> str:
    if len(url) <= _LONGEST_URL:
        return url
    return f"{url[:_LONGEST_URL].rpartition(',')[0]},…"


def _end(span: Span, method: str, status: int | None, error: BaseException | None) -> None:
    if status is not None:
        span.set_attribute("http.response.status_code", status)
    failure = error_type(method, status, error)
    if failure is not None:
        span.set_attribute("error.type", failure)
        # Of our own errors alone is it known that they quote no secret.
        said = str(error) if isinstance(error, InventoryError) else None
        span.set_status(Status(StatusCode.ERROR, said))
    span.end()


def _events(signal: Signal) -> Iterator[tuple[str, Attributes]]:
    """What `signal` is as an event on a span; nothing for what has a span of its own."""
    match signal:
        case Retrying(_, attempt, delay, error):
            kind = type(error).__name__
            yield "retry", {"attempt": attempt, "delay": delay, "error.type": kind}
        case RetryBudgetExhausted(error=error):
            yield "retry_budget_exhausted", {"error.type": type(error).__name__}
        case CallRejected(error=error):
            yield "rejected", {"error.type": type(error).__name__}
        case BreakerChanged(before, after, why):
            yield "circuit_breaker", {"before": before.value, "after": after.value, "why": why}
        case ServedStale(variants, oldest):
            yield "stale", {"variants": variants, "oldest": oldest}
        case _:
            return


class _Meters:
    """The instruments of one meter provider: it makes each of them once, whoever asks."""

    def __init__(self, provider: MeterProvider) -> None:
        self.shown: dict[str, Callable[[], Snapshot]] = {}
        """Snapshots of the integrations that are open, by name."""
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
        for shown in GAUGES:
            create = (
                meter.create_observable_counter
                if shown.metric.kind is Kind.COUNTER
                else meter.create_observable_gauge
            )
            create(shown.metric.name, [self._reader(shown)], shown.metric.unit, shown.metric.help)

    def record(self, metric: Metric, value: float, attributes: Attributes) -> None:
        """Add to a counter, or record in a histogram."""
        if metric.kind is Kind.COUNTER:
            self._counters[metric].add(value, attributes)
        else:
            self._histograms[metric].record(value, attributes)

    def _reader(self, shown: SnapshotMetric) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def read(_options: CallbackOptions) -> Iterable[Observation]:
            for integration, snapshot in list(self.shown.items()):
                for value, labels in shown.read(snapshot()):
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
