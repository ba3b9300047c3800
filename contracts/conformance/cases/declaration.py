"""The declaration itself."""

# ruff: noqa: ARG002, S101, SIM300 - a suite asserts, expected value first
from typing import ClassVar

import attrs
import pytest

from shelfport.contracts.conformance.capabilities import Capabilities
from shelfport.contracts.conformance.case import case
from shelfport.contracts.conformance.harness import Harness
from shelfport.ports import InventoryPort

_METHODS = {
    "initializes": "records",
    "troubles": "cause",
    "spoils_one": "spoil",
    "counts_requests": "requests",
    "holds_resources": "unopened",
}


class DeclarationCases:
    """The declaration is consistent, and the harness defines the required methods."""

    capabilities: ClassVar[Capabilities]

    def test_the_declared_capabilities_fit_together(
        self, harness: Harness, request: pytest.FixtureRequest
    ) -> None:
        """No capability contradicts another, and the harness defines the method of each."""
        declared = self.capabilities
        for name, value in attrs.asdict(declared, recurse=False).items():
            request.node.user_properties.append((f"conformance.{name}", str(value)))
        missing = [
            f"{capability} needs Harness.{method}"
            for capability, method in _METHODS.items()
            if getattr(declared, capability)
            and getattr(type(harness), method) is getattr(Harness, method)
        ]

        assert [] == [*declared.contradictions(), *missing]

    @case()
    async def test_it_has_the_methods_of_the_port(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """A dependency injection that checks types accepts it as an `InventoryPort`."""
        assert isinstance(port, InventoryPort)
