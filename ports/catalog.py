"""The port to the host's own catalog of products."""

from datetime import datetime
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from shelfport.domain.model import ProductVariantId, StockStatus

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    RefT_contra = TypeVar("RefT_contra", contravariant=True, default=ProductVariantId)
else:
    # The default is for type checkers alone: a catalog without a mapper gets the variants' ids.
    from typing import TypeVar

    RefT_contra = TypeVar("RefT_contra", contravariant=True)


@runtime_checkable
class ProductCatalogPort(Protocol[RefT_contra]):
    """Changes the host's products: whether they are orderable, and their stock status.

    The host implements it. It gets the host's own references to variants, where `build` has a
    mapper that works both ways; else the variants' ids. Obligations of every implementation:

    - Every method is idempotent: it may be called again with the same arguments, after a crash and
      from several processes.
    - A variant that the host does not know is not an error: the method does nothing.
    - Any exception means "not done": the call is repeated later.
    """

    async def mark_not_orderable(self, variant: RefT_contra) -> None:
        """Mark `variant` as not orderable: its inventory record does not exist yet."""
        ...

    async def mark_orderable(self, variant: RefT_contra) -> None:
        """Mark `variant` as orderable: its inventory record exists."""
        ...

    async def show_status(self, variant: RefT_contra, status: StockStatus, as_of: datetime) -> None:
        """Show `status` for `variant`, which it had at `as_of` (aware, UTC).

        Must not replace a status with a later `as_of`: calls may come out of order.
        """
        ...
