"""`Prometheus`, for `build(telemetry=[Prometheus(registry)])`. Needs the extra `prometheus`."""

from shelfport.adapters.telemetry.prometheus import Prometheus

__all__ = ["Prometheus"]
