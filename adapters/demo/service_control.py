"""`ServiceControl`: the buttons of the demo change the Inventory Service through it."""

from enum import Enum
from typing import Protocol

from shelfport.contracts.sandbox import Faults, Sandbox
from shelfport.domain.model import ProductVariantId


class ServiceState(Enum):
    """The states of the Inventory Service in the demo."""

    UP = "up"
    SLOW = "slow"
    FLAKY = "flaky"
    DOWN = "down"
    REJECTING = "rejecting"


class ServiceControl(Protocol):
    """Breaks and repairs the Inventory Service, and changes its stock."""

    @property
    def state(self) -> ServiceState | None:
        """The current state; None if its faults match none of the states."""
        ...

    def put(self, state: ServiceState) -> None:
        """Put the Inventory Service into `state`."""
        ...

    def set_stock(self, variant: ProductVariantId, quantity: int) -> None:
        """Set the available units; the Inventory Service publishes the event."""
        ...


class SandboxControl:
    """A `ServiceControl` over a sandbox's faults.

    Args:
        sandbox: the Inventory Service.
        slow: seconds that an answer takes in the state SLOW.
    """

    def __init__(self, sandbox: Sandbox, *, slow: float = 5.0) -> None:
        self._sandbox = sandbox
        self._faults = {
            ServiceState.UP: Faults(),
            ServiceState.SLOW: Faults(latency=slow),
            ServiceState.FLAKY: Faults(mode_rates={"down": 0.3, "refuse": 0.1, "garbage": 0.1}),
            ServiceState.DOWN: Faults(mode="down"),
            ServiceState.REJECTING: Faults(mode="reject_write"),
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
