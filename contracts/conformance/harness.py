"""`Harness`: how the suite makes an adapter, seeds what it talks to, breaks it and looks at it."""

import time
from abc import ABC, abstractmethod
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from shelfport.contracts.conformance.trouble import Trouble
from shelfport.domain.model import ProductVariantId
from shelfport.ports import Clock, InventoryPort


class RealClock:
    """The system's clock. The suite runs in real time: deadlines are kept or they are not."""

    def now(self) -> datetime:
        """The current instant in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds on the scale of the event loop's timers."""
        return time.monotonic()


class Harness(ABC):
    """One stage for one case: what the adapter talks to, and the strings that move it.

    Every case gets a harness of its own. It is entered first, which brings up whatever the adapter
    talks to, empty and without trouble; then `adapter` is. Four methods must be written; each of
    the others belongs to one of the `Capabilities`, and must be written if that is declared.

    The methods that tell the truth (`stored`, `records`) must look at what is stored by a way of
    their own, not through the adapter: it would be its own witness.
    """

    clock: Clock = RealClock()
    """The clock to give to the adapter: deadlines and `as_of` are compared with it."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return None

    @abstractmethod
    def adapter(self) -> AbstractAsyncContextManager[InventoryPort]:
        """An adapter, ready for calls inside the `async with`, and closed after it.

        A case may ask for a second one after the first: both talk to the same service, as a
        process does that was started again.
        """

    @abstractmethod
    async def set_stock(
        self, variant: ProductVariantId, quantity: int, *, low_stock_threshold: int = 10
    ) -> None:
        """Put the stock of `variant` at `quantity` units, opening its record if there is none."""

    @abstractmethod
    async def remove(self, variant: ProductVariantId) -> None:
        """Remove the record of `variant`."""

    @abstractmethod
    async def stored(self, variant: ProductVariantId) -> int | None:
        """The truth: how many units of `variant` are stored; None without a record."""

    async def records(self) -> int:
        """The truth: how many records there are in all. Belongs to `initializes`."""
        raise _missing("records", "initializes")

    async def cause(self, trouble: Trouble | None) -> None:  # noqa: ARG002 - for who overrides it
        """Begin `trouble`, from the next request on; None ends it. Belongs to `troubles`."""
        raise _missing("cause", "troubles")

    async def spoil(self, variant: ProductVariantId) -> None:  # noqa: ARG002 - for who overrides it
        """Make the record of `variant` unreadable, and no other. Belongs to `spoils_one`."""
        raise _missing("spoil", "spoils_one")

    def requests(self) -> int:
        """How many requests have arrived since the start. Belongs to `counts_requests`."""
        raise _missing("requests", "counts_requests")

    def unopened(self) -> InventoryPort:
        """An adapter that was constructed and not entered. Belongs to `holds_resources`.

        Called without a running event loop as well, before the harness is entered.
        """
        raise _missing("unopened", "holds_resources")


def _missing(method: str, capability: str) -> NotImplementedError:
    return NotImplementedError(
        f"the harness must have {method}(), because the capabilities declare {capability}"
    )
