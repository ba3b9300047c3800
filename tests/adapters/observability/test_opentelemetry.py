"""Spans and metrics through OpenTelemetry's own SDK, from a real integration before the sandbox."""

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    HistogramDataPoint,
    InMemoryMetricReader,
    NumberDataPoint,
)
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode, format_span_id, format_trace_id

from shelfport import (
    InventoryError,
    Settings,
    build,
    request_context,
)
from shelfport.adapters.observability.metrics import METRICS
from shelfport.contracts.sandbox import Faults, Sandbox
from shelfport.errors import Operation, TimedOut
from shelfport.otel import OpenTelemetry
from shelfport.ports import Telemetry
from shelfport.prometheus import Prometheus
from shelfport.signals import (
    BatchShrunk,
    BreakerChanged,
    BreakerState,
    CallRejected,
    RetryBudgetExhausted,
    Retrying,
    ServedStale,
    Signal,
)
from tests.adapters.observability.examples import TOO_LONG
from tests.support.values import an_id, ids

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Seen:
    """The spans and metrics that the SDK got."""

    def __init__(self) -> None:
        self._spans = InMemorySpanExporter()
        self.tracers = TracerProvider(shutdown_on_exit=False)
        self.tracers.add_span_processor(SimpleSpanProcessor(self._spans))
        self._reader = InMemoryMetricReader()
        self.meters = MeterProvider([self._reader], shutdown_on_exit=False)
        self.tracer = self.tracers.get_tracer("host")

    def telemetry(self, integration: str = "inventory") -> OpenTelemetry:
        return OpenTelemetry(
            tracer_provider=self.tracers, meter_provider=self.meters, integration=integration
        )

    def spans(self) -> list[ReadableSpan]:
        """Client spans, in the order in which they ended."""
        return [s for s in self._spans.get_finished_spans() if s.kind is SpanKind.CLIENT]

    def host(self) -> ReadableSpan:
        """The host's own span."""
        [span] = [s for s in self._spans.get_finished_spans() if s.kind is SpanKind.INTERNAL]
        return span

    def metrics(self) -> dict[str, list[tuple[dict[str, Any], Any]]]:
        """Attributes and value of every data point; of a histogram, how many were recorded."""
        data = self._reader.get_metrics_data()
        assert data is not None
        found: dict[str, list[tuple[dict[str, Any], Any]]] = {}
        for resource in data.resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    for point in metric.data.data_points:
                        value: Any = None
                        match point:
                            case HistogramDataPoint():
                                value = point.count
                            case NumberDataPoint():
                                value = point.value
                            case _:
                                pass
                        found.setdefault(metric.name, []).append(
                            (dict(point.attributes or {}), value)
                        )
        return found


@pytest.fixture
def seen() -> Iterator[Seen]:
    seen = Seen()
    yield seen
    seen.tracers.shutdown()
    seen.meters.shutdown()


async def test_a_client_span(seen: Seen, sandbox: Sandbox, settings: Settings) -> None:
    """A request is a client span by the HTTP conventions, and the service gets its context."""
    async with build(settings, telemetry=[seen.telemetry()]) as inventory:
        with seen.tracer.start_as_current_span("GET /product"):
            await inventory.get_stock_level(an_id(1), correlation_id="page-17")

    [span] = seen.spans()
    assert "GET /inventory/{productVariantId}" == span.name
    assert {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "server.address": "127.0.0.1",
        "server.port": int(sandbox.url.rpartition(":")[2]),
        "url.full": f"{sandbox.url}/inventory/{an_id(1)}",
        "url.template": "/inventory/{productVariantId}",
        "shelfport.correlation_id": "page-17",
        "shelfport.integration": "inventory",
        "shelfport.operation": "read",
        "shelfport.variants": 1,
    } == dict(span.attributes or {})
    assert StatusCode.UNSET is span.status.status_code
    assert span.context is not None
    assert span.parent is not None
    assert (host := seen.host().context) is not None
    assert (host.trace_id, host.span_id) == (span.parent.trace_id, span.parent.span_id)
    [request] = sandbox.journal
    assert (
        f"00-{format_trace_id(span.context.trace_id)}-{format_span_id(span.context.span_id)}"
        == str(request.traceparent)[:-3]
    )


async def test_attempts_and_the_breaker(seen: Seen, sandbox: Sandbox, settings: Settings) -> None:
    """Each attempt is a span; retries, the circuit and refusals are events on the host's span."""
    sandbox.faults = Faults(mode="down")
    async with build(settings, telemetry=[seen.telemetry()]) as inventory:
        with seen.tracer.start_as_current_span("GET /product"):
            await inventory.get_stock_level(an_id(1))
            await inventory.get_stock_level(an_id(2))

    first, second = (dict(span.attributes or {}) for span in seen.spans())
    assert [503, 503] == [a["http.response.status_code"] for a in (first, second)]
    assert ["503", "503"] == [a["error.type"] for a in (first, second)]
    assert [None, 1] == [a.get("http.request.resend_count") for a in (first, second)]
    assert [StatusCode.ERROR] * 2 == [span.status.status_code for span in seen.spans()]
    events = {event.name: dict(event.attributes or {}) for event in seen.host().events}
    assert [
        "shelfport.inventory.retry",
        "shelfport.inventory.circuit_breaker",
        "shelfport.inventory.rejected",
    ] == list(events)
    assert (1, "service") == (
        events["shelfport.inventory.retry"]["attempt"],
        events["shelfport.inventory.retry"]["shelfport.fault.scope"],
    )
    assert "open" == events["shelfport.inventory.circuit_breaker"]["state"]
    assert ("ServiceOverloaded", "process") == (
        events["shelfport.inventory.rejected"]["error.type"],
        events["shelfport.inventory.rejected"]["shelfport.fault.scope"],
    )


LATE = TimedOut("late")
FAILED = {
    "operation": "read",
    "correlation_id": "c",
    "error.type": "TimedOut",
    "shelfport.fault.scope": "service",
    "detail": "late",
}


@pytest.mark.parametrize(
    ("signal", "name", "attributes"),
    [
        (
            Retrying(Operation.READ, 2, 0.25, LATE, "c"),
            "retry",
            {"attempt": 2, "delay": 0.25, **FAILED},
        ),
        (
            RetryBudgetExhausted(Operation.READ, LATE, "c"),
            "retry_budget",
            FAILED,
        ),
        (CallRejected(Operation.READ, LATE, "c"), "rejected", FAILED),
        (
            BatchShrunk(100, TOO_LONG),
            "batch",
            {
                "size": 100,
                "correlation_id": "c",
                "error.type": "RequestBlocked",
                "shelfport.fault.scope": "request",
                "detail": "414 of a proxy",
            },
        ),
        (
            BreakerChanged(BreakerState.OPEN, BreakerState.CLOSED, "let go"),
            "circuit_breaker",
            {"before": "open", "state": "closed", "detail": "let go"},
        ),
        (
            ServedStale(3, 41.5, "c"),
            "stale",
            {"variants": 3, "oldest": 41.5, "correlation_id": "c"},
        ),
    ],
)
def test_events(
    seen: Seen,
    signal: Signal,
    name: str,
    attributes: dict[str, object],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """While the host's span is open, a signal is an event with the fields of its log record."""
    telemetry = seen.telemetry()
    with seen.tracer.start_as_current_span("GET /product") as span:
        telemetry.signal(signal)
        span.end()
        telemetry.signal(signal)
        assert [] == caplog.records  # the SDK complains of an event on a span that has ended

    [event] = seen.host().events
    assert f"shelfport.inventory.{name}" == event.name
    assert attributes == dict(event.attributes or {})


async def test_what_the_contract_answers(seen: Seen, settings: Settings) -> None:
    """A variant without a record, and one that had one, are answers and no errors."""
    async with build(settings, telemetry=[seen.telemetry()]) as inventory:
        await inventory.get_stock_level(an_id(7))
        await inventory.request_inventory_initialization(an_id(1))

    spans = seen.spans()
    assert [404, 409] == [dict(s.attributes or {})["http.response.status_code"] for s in spans]
    assert [StatusCode.UNSET] * 2 == [span.status.status_code for span in spans]
    assert ["error.type" in (span.attributes or {}) for span in spans] == [False, False]


async def test_no_answer(seen: Seen, sandbox: Sandbox, settings: Settings) -> None:
    """A request without an answer has no status, but a class of error and its sentence."""
    sandbox.faults = Faults(mode="refuse", times=2)
    async with build(settings, telemetry=[seen.telemetry()]) as inventory:
        with pytest.raises(InventoryError) as info:
            await inventory.request_inventory_initialization(an_id(9))

    span = seen.spans()[-1]
    assert "POST /inventory" == span.name
    assert "ConnectionFailed" == (span.attributes or {})["error.type"]
    assert "http.response.status_code" not in (span.attributes or {})
    assert str(info.value).startswith(f"{span.status.description}; a read afterwards")


async def test_where_the_host_has_no_span(seen: Seen, sandbox: Sandbox, settings: Settings) -> None:
    """The parent is the trace context of the host's request; without it, a trace begins."""
    async with build(settings, telemetry=[seen.telemetry()]) as inventory:
        with request_context(traceparent=TRACE):
            await inventory.get_stock_level(an_id(1))
        await inventory.get_stock_level(an_id(2))

    passed_on, begun = seen.spans()
    assert passed_on.parent is not None
    assert TRACE[36:52] == format_span_id(passed_on.parent.span_id)
    assert TRACE[3:35] == str(sandbox.journal[0].traceparent)[3:35]
    assert TRACE != sandbox.journal[0].traceparent
    assert begun.parent is None
    assert begun.context is not None
    assert begun.context.trace_flags.sampled
    assert format_trace_id(begun.context.trace_id) == str(sandbox.journal[1].traceparent)[3:35]


async def test_without_a_sdk(sandbox: Sandbox, settings: Settings) -> None:
    """Where no SDK records, the trace context of the host's request is passed on as it is."""
    silent = OpenTelemetry(tracer_provider=trace.NoOpTracerProvider())
    async with build(settings, telemetry=[silent]) as inventory:
        with request_context(traceparent=TRACE):
            await inventory.get_stock_level(an_id(1))
        await inventory.get_stock_level(an_id(2))

    assert TRACE[:52] == str(sandbox.journal[0].traceparent)[:52]
    assert f"00-{sandbox.journal[1].correlation_id}" == str(sandbox.journal[1].traceparent)[:35]


async def test_a_long_url(seen: Seen, settings: Settings) -> None:
    """Of a request for many variants the span shows the first ids, whole."""
    async with build(settings, telemetry=[seen.telemetry()]) as inventory:
        await inventory.get_stock_levels(ids(200))

    [span] = seen.spans()
    url = str((span.attributes or {})["url.full"])
    assert len(url) <= 512
    assert url.endswith(f"{an_id(url.count(','))},…")
    assert 200 == (span.attributes or {})["shelfport.variants"]


async def test_no_second_span_of_a_request(seen: Seen, settings: Settings) -> None:
    """During our span, OpenTelemetry's instrumentation of aiohttp is suppressed."""
    from opentelemetry import context

    inside: list[object] = []
    telemetry = seen.telemetry()
    exchange = telemetry.request_started

    def watched(*arguments: Any) -> Any:
        begun = exchange(*arguments)
        inside.append(context.get_value("suppress_http_instrumentation"))
        return begun

    telemetry.request_started = watched  # type: ignore[method-assign]  # to look inside
    async with build(settings, telemetry=[telemetry]) as inventory:
        await inventory.get_stock_level(an_id(1))
        outside = context.get_value("suppress_http_instrumentation")

    assert ([True], None) == (inside, outside)


async def test_metrics(seen: Seen, sandbox: Sandbox, settings: Settings) -> None:
    """The SDK collects the same figures as Prometheus, under the table's names."""
    async with build(settings, telemetry=[seen.telemetry()]) as inventory:
        await inventory.get_stock_levels([an_id(1), an_id(2)])
        await inventory.get_stock_levels([an_id(1), an_id(2)])
        await inventory.request_inventory_initialization(an_id(9))
        sandbox.faults = Faults(mode="down")
        await inventory.get_stock_level(an_id(3))
        await inventory.get_stock_level(an_id(4))
        metrics = seen.metrics()

    own, read = {"shelfport.integration": "inventory"}, {"shelfport.operation": "read"}
    busy = {"error.type": "ServiceOverloaded", "shelfport.fault.scope": "service"}
    held = {**busy, "shelfport.fault.scope": "process"}
    http = {
        **own,
        "http.request.method": "GET",
        "server.address": "127.0.0.1",
        "server.port": int(sandbox.url.rpartition(":")[2]),
    }
    for name, attributes, expected in (
        ("http.client.request.duration", {**http, "http.response.status_code": 200}, 1),
        (
            "http.client.request.duration",
            {**http, "http.response.status_code": 503, "error.type": "503"},
            2,
        ),
        (
            "shelfport.inventory.attempt.duration",
            {**own, **read, **busy, "shelfport.outcome": "failed"},
            2,
        ),
        ("shelfport.inventory.retries", {**own, **read, **busy}, 1),
        # After a `Retry-After`, nothing is sent for a while, and the circuit is not asked.
        ("shelfport.inventory.calls.rejected", {**own, **read, **held}, 1),
        (
            "shelfport.inventory.circuit_breaker.state_changes",
            {**own, "shelfport.circuit_breaker.state": "open"},
            1,
        ),
        (
            "shelfport.inventory.circuit_breaker.state",
            {**own, "shelfport.circuit_breaker.state": "open"},
            1,
        ),
        ("shelfport.inventory.served", {**own, "shelfport.result": "fresh"}, 2),
        ("shelfport.inventory.served", {**own, "shelfport.result": "miss"}, 2),
        ("shelfport.inventory.served", {**own, "shelfport.result": "unreadable"}, 2),
        ("shelfport.inventory.page.age", own, 2),
        ("shelfport.inventory.cache.entries", own, 2),
        ("shelfport.inventory.retry_budget.tokens", own, pytest.approx(3 - 1 + 3 * 0.1)),
    ):
        assert (attributes, expected) in metrics[name], name
    assert set() == set(metrics) - {m.name for m in METRICS}


async def test_two_integrations_one_after_another(seen: Seen, settings: Settings) -> None:
    """Integrations share the provider's instruments; figures are of those that are open."""
    async with (
        build(Settings(adapter="memory"), telemetry=[seen.telemetry("eu")]) as eu,
        build(Settings(adapter="memory"), telemetry=[seen.telemetry("us")]),
    ):
        await eu.get_stock_level(an_id(1))
        both = seen.metrics()["shelfport.inventory.cache.entries"]
    async with build(Settings(adapter="memory"), telemetry=[seen.telemetry("eu")]):
        again = seen.metrics()["shelfport.inventory.cache.entries"]

    def named(name: str) -> dict[str, str]:
        return {"shelfport.integration": name}

    assert [(named("eu"), 1), (named("us"), 0)] == both
    assert [(named("eu"), 0)] == again


async def test_one_name_twice(seen: Seen) -> None:
    """Two open integrations under one name are refused, as their figures would mix."""
    async with build(Settings(adapter="memory"), telemetry=[seen.telemetry()]):
        with pytest.raises(ValueError, match="give each a name of its own"):
            async with build(Settings(adapter="memory"), telemetry=[seen.telemetry()]):
                pass


def test_both_are_telemetry() -> None:
    """Both exporters implement the protocol `Telemetry`."""
    from prometheus_client import CollectorRegistry

    exporters: list[Telemetry] = [OpenTelemetry(), Prometheus(CollectorRegistry())]

    assert ["OpenTelemetry(integration='inventory')", "Prometheus(integration='inventory')"] == [
        repr(exporter) for exporter in exporters
    ]
