"""What a metric is: a row of the table of metrics, whichever way its values go out."""

from collections.abc import Mapping
from enum import Enum

import attrs

INTEGRATION = "shelfport.integration"

Labels = Mapping[str, str]
Sample = tuple[float, Labels]
"""A value, and the labels that it stands under."""


class Kind(Enum):
    """What a metric's values mean."""

    COUNTER = "counter"
    """A total that only grows."""
    GAUGE = "gauge"
    """How it stands now."""
    HISTOGRAM = "histogram"
    """How often a value fell into which range."""


@attrs.frozen
class Metric:
    """One row of the table."""

    name: str
    kind: Kind
    unit: str
    """In UCUM: "s", or what is counted in braces."""
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
