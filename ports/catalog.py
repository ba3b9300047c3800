"""The port to the host's own catalogue: how a product's page and its orders follow its stock."""

from datetime import datetime
from typing import Protocol, runtime_checkable

from shelfport.domain.model import ProductVariantId, StockStatus


@runtime_checkable
class ProductCatalogPort(Protocol):
    """What the host lets shelfport do to its products (R11, R22). The host implements it.

    Obligations of every implementation:

    - Every method is idempotent: it may be called again with the same arguments, after a crash
      between the call and the note that it was made, and from several processes.
    - A variant that the host does not know (any more) is no error: there is nothing to do.
    - Any exception means "not done": the call is made again later, and nothing is lost.
    """

    async def mark_not_orderable(self, variant: ProductVariantId) -> None:
        """Keep `variant` from being ordered: its inventory record is not there yet."""
        ...

    async def mark_orderable(self, variant: ProductVariantId) -> None:
        """Let `variant` be ordered: its inventory record is there."""
        ...

    async def show_status(
        self, variant: ProductVariantId, status: StockStatus, as_of: datetime
    ) -> None:
        """Show `status` for `variant`: it was so at `as_of` (aware, UTC).

        Must leave a status that it was shown for a later `as_of` as it is: calls may come late.
        """
        ...
