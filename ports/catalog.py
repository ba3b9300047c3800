"""The port to the host's own catalog of products."""

from datetime import datetime
from typing import Protocol, runtime_checkable

from shelfport.domain.model import ProductVariantId, StockStatus


@runtime_checkable
class ProductCatalogPort(Protocol):
    """Changes the host's products: whether they are orderable, and their stock status.

    The host implements it. Obligations of every implementation:

    - Every method is idempotent: it may be called again with the same arguments, after a crash and
      from several processes.
    - A variant that the host does not know is not an error: the method does nothing.
    - Any exception means "not done": the call is repeated later.
    """

    async def mark_not_orderable(self, variant: ProductVariantId) -> None:
        """Mark `variant` as not orderable: its inventory record does not exist yet."""
        ...

    async def mark_orderable(self, variant: ProductVariantId) -> None:
        """Mark `variant` as orderable: its inventory record exists."""
        ...

    async def show_status(
        self, variant: ProductVariantId, status: StockStatus, as_of: datetime
    ) -> None:
        """Show `status` for `variant`, which it had at `as_of` (aware, UTC).

        Must not replace a status with a later `as_of`: calls may come out of order.
        """
        ...
