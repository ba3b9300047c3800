"""`Prometheus`, for `build(telemetry=[Prometheus(registry)])`. Needs the extra `prometheus`."""

from shelfport.adapters.observability.prometheus import Prometheus

__all__ = ["Prometheus"]
