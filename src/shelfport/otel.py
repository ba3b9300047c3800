"""`OpenTelemetry`, for `build(telemetry=[OpenTelemetry()])`. Needs the extra `otel`."""

from shelfport.adapters.telemetry.opentelemetry import OpenTelemetry

__all__ = ["OpenTelemetry"]
