"""`Plan`: the planted faults of one port, each with the case of the suite that finds it."""

from collections.abc import Mapping
from typing import Any

import attrs

from shelfport.contracts.conformance import PortSuite


@attrs.frozen
class Plan:
    """The faults of one port."""

    suite: type[PortSuite]
    harness: Any
    """Makes the harness of an implementation, from its class."""
    honest: type
    """The implementation without a fault."""
    faults: Mapping[type, str]

    def run(self, implementation: type, case: str) -> None:
        """Run one case; it raises if it finds a fault."""
        # A fault of a constructor is planted in the harness itself.
        own = isinstance(self.harness, type) and issubclass(implementation, self.harness)
        harness = implementation(self.honest) if own else self.harness(implementation)
        getattr(self.suite(), case)(harness)
