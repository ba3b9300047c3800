"""`OpenTelemetry`, for `build(telemetry=[OpenTelemetry()])`. Needs the extra `otel`."""

from shelfport.adapters.observability.opentelemetry import OpenTelemetry

__all__ = ["OpenTelemetry"]
