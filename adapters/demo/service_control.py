"""The buttons of the demo: what they ask for, and the sandbox that obeys."""

from enum import Enum
from typing import Protocol

from shelfport.contracts.sandbox import Faults, Sandbox
from shelfport.domain.model import ProductVariantId


class ServiceState(Enum):
    """How the Inventory Service does."""

    UP = "up"
    SLOW = "slow"
    FLAKY = "flaky"
    DOWN = "down"


class ServiceControl(Protocol):
    """Lets the page break the Inventory Service, mend it, and change what is in stock."""

    @property
    def state(self) -> ServiceState | None:
        """How it does now; None if it misbehaves in a way that is none of these."""
        ...

    def put(self, state: ServiceState) -> None:
        """Make it do so."""
        ...

    def set_stock(self, variant: ProductVariantId, quantity: int) -> None:
        """Set how many units there are; the Inventory Service announces what changes by it."""
        ...


class SandboxControl:
    """A `ServiceControl` over a sandbox's faults.

    Args:
        sandbox: the Inventory Service.
        slow: seconds that it takes for an answer when slow.
    """

    def __init__(self, sandbox: Sandbox, *, slow: float = 5.0) -> None:
        self._sandbox = sandbox
        self._faults = {
            ServiceState.UP: Faults(),
            ServiceState.SLOW: Faults(latency=slow),
            ServiceState.FLAKY: Faults(mode_rates={"down": 0.3, "refuse": 0.1, "garbage": 0.1}),
            ServiceState.DOWN: Faults(mode="down"),
        }

    @property
    def state(self) -> ServiceState | None:
        """See `ServiceControl.state`."""
        current = self._sandbox.faults
        return next((s for s, faults in self._faults.items() if faults == current), None)

    def put(self, state: ServiceState) -> None:
        """See `ServiceControl.put`."""
        self._sandbox.faults = self._faults[state]

    def set_stock(self, variant: ProductVariantId, quantity: int) -> None:
        """See `ServiceControl.set_stock`."""
        self._sandbox.set_stock(variant, quantity)
