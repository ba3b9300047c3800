"""`Metric`: a row of the table of metrics, the same for every exporter."""

from collections.abc import Mapping
from enum import Enum

import attrs

INTEGRATION = "shelfport.integration"

Labels = Mapping[str, str]
Sample = tuple[float, Labels]
"""A value and its labels."""


class Kind(Enum):
    """The kind of a metric."""

    COUNTER = "counter"
    """A total that only grows."""
    GAUGE = "gauge"
    """The current value."""
    HISTOGRAM = "histogram"
    """How many values fell into each range."""


@attrs.frozen
class Metric:
    """One row of the table of metrics."""

    name: str
    kind: Kind
    unit: str
    """In UCUM: "s", or the counted thing in braces."""
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    """Upper bounds of a histogram's ranges."""

    @property
    def prometheus_name(self) -> str:
        """The name in Prometheus, by OpenTelemetry's rules for the translation."""
        name = self.name.replace(".", "_")
        if self.unit == "s":
            name += "_seconds"
        return f"{name}_total" if self.kind is Kind.COUNTER else name
