"""`Harness`: makes the adapter for a case, and seeds, breaks and inspects its service."""

import time
from abc import ABC, abstractmethod
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime

from shelfport.contracts.conformance.port_suite import PortHarness
from shelfport.contracts.conformance.trouble import Trouble
from shelfport.domain.model import ProductVariantId
from shelfport.ports import Clock, InventoryPort


class RealClock:
    """The system's clock: the suite runs in real time."""

    def now(self) -> datetime:
        """The current instant in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds on the scale of the event loop's timers."""
        return time.monotonic()


class Harness(PortHarness, ABC):
    """The environment of one case: the adapter, and the service that it talks to.

    Every case gets its own harness. The suite enters the harness first, which starts the service
    empty and without trouble; then it enters `adapter`. A harness must define the four abstract
    methods. Each other method belongs to one of the `Capabilities`, and must be defined if that
    capability is declared.

    `stored` and `records` must read the stored data directly, not through the adapter: otherwise
    they would repeat the adapter's errors.
    """

    clock: Clock = RealClock()
    """The adapter's clock: the suite compares deadlines and `as_of` with it."""

    @abstractmethod
    def adapter(self) -> AbstractAsyncContextManager[InventoryPort]:
        """An adapter, ready for calls inside the `async with`, and closed after it.

        A case may open a second adapter after the first. Both talk to the same service, like a
        restarted process.
        """

    @abstractmethod
    async def set_stock(
        self, variant: ProductVariantId, quantity: int, *, low_stock_threshold: int = 10
    ) -> None:
        """Set the stock of `variant` to `quantity` units, and open its record if it has none."""

    @abstractmethod
    async def remove(self, variant: ProductVariantId) -> None:
        """Remove the record of `variant`."""

    @abstractmethod
    async def stored(self, variant: ProductVariantId) -> int | None:
        """The stored units of `variant`; None without a record."""

    async def records(self) -> int:
        """The number of stored records. Belongs to `initializes`."""
        raise _missing("records", "initializes")

    async def cause(self, trouble: Trouble | None) -> None:  # noqa: ARG002 - for overrides
        """Start `trouble` from the next request on; None ends it. Belongs to `troubles`."""
        raise _missing("cause", "troubles")

    async def spoil(self, variant: ProductVariantId) -> None:  # noqa: ARG002 - for overrides
        """Make the record of `variant` unreadable, and no other. Belongs to `spoils_one`."""
        raise _missing("spoil", "spoils_one")

    def requests(self) -> int:
        """The number of requests since the start. Belongs to `counts_requests`."""
        raise _missing("requests", "counts_requests")

    def unopened(self) -> InventoryPort:
        """A constructed adapter that is not entered. Belongs to `holds_resources`.

        The suite also calls it without an event loop, before it enters the harness.
        """
        raise _missing("unopened", "holds_resources")


def _missing(method: str, capability: str) -> NotImplementedError:
    return NotImplementedError(
        f"the harness must define {method}(), because the capabilities declare {capability}"
    )
