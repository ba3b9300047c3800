"""`TelemetryHarness`: makes a telemetry, and collects its metrics."""

from abc import ABC, abstractmethod

from shelfport.contracts.conformance.port_suite import PortHarness, missing_method
from shelfport.ports import Telemetry


class TelemetryHarness(PortHarness, ABC):
    """The environment of one case of `TelemetryConformance`."""

    @abstractmethod
    def telemetry(self) -> Telemetry:
        """The telemetry of one integration. It may be asked for once a case."""

    def collect(self) -> None:
        """Collect the metrics, as a scrape does; any thread calls it. Belongs to `collects`."""
        raise missing_method("collect", "collects")
