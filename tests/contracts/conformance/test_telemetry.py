"""The suite of `Telemetry` on OpenTelemetry and Prometheus, with their own SDKs."""

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import CollectorRegistry, generate_latest

from shelfport.contracts.conformance import TelemetryConformance, TelemetryHarness
from shelfport.otel import OpenTelemetry
from shelfport.ports import Telemetry
from shelfport.prometheus import Prometheus


class PrometheusHarness(TelemetryHarness):
    def __init__(self) -> None:
        self._registry = CollectorRegistry()

    def telemetry(self) -> Telemetry:
        return Prometheus(self._registry)

    def collect(self) -> None:
        generate_latest(self._registry)


class TestPrometheus(TelemetryConformance):
    collects = True

    @pytest.fixture
    def harness(self) -> PrometheusHarness:
        return PrometheusHarness()


class OpenTelemetryHarness(TelemetryHarness):
    def __init__(self) -> None:
        self._reader = InMemoryMetricReader()
        self._meters = MeterProvider([self._reader], shutdown_on_exit=False)
        self._tracers = TracerProvider(shutdown_on_exit=False)

    def telemetry(self) -> Telemetry:
        return OpenTelemetry(tracer_provider=self._tracers, meter_provider=self._meters)

    def collect(self) -> None:
        self._reader.get_metrics_data()


class TestOpenTelemetry(TelemetryConformance):
    collects = True

    @pytest.fixture
    def harness(self) -> OpenTelemetryHarness:
        return OpenTelemetryHarness()
