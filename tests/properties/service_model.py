"""A model of the Inventory Service: two dicts, and the rules of the contract."""

from collections.abc import Sequence
from uuid import UUID

import attrs

from shelfport import ProductVariantId, StockStatus
from shelfport.ports import InitialStock

Told = tuple[int, StockStatus] | None
"""What is known of a variant: quantity and status; None for "no record"."""


def status_of(quantity: int, threshold: int) -> StockStatus:
    if quantity == 0:
        return StockStatus.OUT_OF_STOCK
    return StockStatus.LOW_STOCK if quantity <= threshold else StockStatus.IN_STOCK


@attrs.define
class Model:
    """Records and keys, and whether the service is up."""

    stock: dict[ProductVariantId, tuple[int, int]] = attrs.field(factory=dict)
    """Quantity and threshold of each record."""
    keys: dict[UUID, InitialStock] = attrs.field(factory=dict)
    """The request that each key opened a record for."""
    up: bool = True

    def told(self, variant: ProductVariantId) -> Told:
        if variant not in self.stock:
            return None
        quantity, threshold = self.stock[variant]
        return quantity, status_of(quantity, threshold)

    def read(self, asked: Sequence[ProductVariantId]) -> list[tuple[ProductVariantId, Told]] | str:
        if asked and not self.up:
            return "failed"
        return [(variant, self.told(variant)) for variant in dict.fromkeys(asked)]

    def set_stock(self, variant: ProductVariantId, quantity: int) -> None:
        _, threshold = self.stock.get(variant, (0, 10))
        self.stock[variant] = quantity, threshold

    def initialize(self, request: InitialStock) -> tuple[str, Told]:
        """`created` with the initial values, `there` with the current ones, or a failure."""
        if not self.up:
            return "failed", None
        quantity, threshold = request.initial_quantity, request.low_stock_threshold
        begun = quantity, status_of(quantity, threshold)
        first = self.keys.get(request.idempotency_key)
        if first is not None:
            return ("created", begun) if first == request else ("conflict", None)
        if request.variant_id in self.stock:
            return "there", self.told(request.variant_id)
        self.stock[request.variant_id] = quantity, threshold
        self.keys[request.idempotency_key] = request
        return "created", begun
