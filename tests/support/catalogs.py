"""A host's catalog for tests."""

from datetime import datetime

from shelfport import ProductVariantId, StockStatus


class ShownCatalog:
    """Records the statuses to show, in order; raises for the variants in `refuses`."""

    def __init__(self) -> None:
        self.calls: list[tuple[ProductVariantId, StockStatus, datetime]] = []
        self.statuses: dict[ProductVariantId, tuple[datetime, StockStatus]] = {}
        self.refused: set[ProductVariantId] = set()

    async def mark_orderable(self, variant: ProductVariantId) -> None:
        """Do nothing."""

    async def mark_not_orderable(self, variant: ProductVariantId) -> None:
        """Do nothing."""

    async def show_status(
        self, variant: ProductVariantId, status: StockStatus, as_of: datetime
    ) -> None:
        if variant in self.refused:
            raise LookupError(f"the catalog refuses {variant}")
        self.calls.append((variant, status, as_of))
        shown = self.statuses.get(variant)
        if shown is None or shown[0] <= as_of:
            self.statuses[variant] = (as_of, status)

    def shown(self) -> dict[ProductVariantId, StockStatus]:
        """The latest status of each variant."""
        return {variant: status for variant, (_, status) in self.statuses.items()}
