"""One correlation id, followed from the host's request through everything that leaves a trace."""

import logging

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shelfport import (
    InventoryError,
    Settings,
    build,
    request_context,
)
from shelfport.contracts.sandbox import Faults, Sandbox
from shelfport.otel import OpenTelemetry
from shelfport.signals import RetryBudgetExhausted, Retrying
from tests.support.listening import Heard
from tests.support.values import an_id

ID = "page-17"


@pytest.mark.parametrize("given", [ID, None])
async def test_one_id(
    given: str | None, sandbox: Sandbox, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """The request's id, or the one that was made, is on records, header, error, signals, spans."""
    caplog.set_level(logging.DEBUG, "shelfport")
    spans, tracers, heard = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False), Heard()
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    telemetry = OpenTelemetry(tracer_provider=tracers)
    sandbox.faults = Faults(mode="down")
    async with build(settings, telemetry=[telemetry], listener=heard) as inventory:
        with (
            request_context(correlation_id=f"{given}\r\n" if given else None),
            pytest.raises(InventoryError) as info,
        ):
            await inventory.request_inventory_initialization(an_id(3))
    tracers.shutdown()

    error = info.value
    assert given is None or given == error.correlation_id
    assert error.correlation_id
    only = {error.correlation_id}
    assert only == {entry.correlation_id for entry in sandbox.journal}
    assert 2 == len(sandbox.journal)
    assert only == {
        (span.attributes or {})["shelfport.correlation_id"] for span in spans.get_finished_spans()
    }
    told = [s for s in heard.signals if isinstance(s, Retrying | RetryBudgetExhausted)]
    assert only == {signal.correlation_id for signal in told}
    about = [r for r in caplog.records if vars(r).get("event") != "inventory.circuit_breaker"]
    written = [vars(record) for record in about if record.name.startswith("shelfport")]
    assert ["inventory.call", "inventory.retry", "inventory.call"] == [w["event"] for w in written]
    assert only == {record["correlation_id"] for record in written}
