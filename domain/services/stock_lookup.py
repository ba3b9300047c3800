"""`StockLookup`: stock for a page, with a value for every variant."""

from collections.abc import Mapping, Sequence

import attrs

from shelfport.domain.model import (
    Answer,
    Availability,
    Call,
    InventoryError,
    ProductVariantId,
    StockReading,
    Unavailable,
    UnavailableReason,
    UnknownVariant,
)
from shelfport.ports import InventoryPort

_UNKNOWN_VARIANT = Unavailable(UnavailableReason.UNKNOWN_VARIANT)


@attrs.frozen
class StockLookup:
    """Turns the port's answers and errors into values for a page."""

    port: InventoryPort

    async def get_stock_levels(
        self, ids: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Availability]:
        """One value for each distinct id, in the order of `ids`. Never raises for an outage."""
        try:
            answers = await self.port.read(ids, call)
        except InventoryError as error:
            unavailable = Unavailable(error.reason)
            return dict.fromkeys(ids, unavailable)
        if all([type(answer) is StockReading for answer in answers.values()]):  # noqa: C419 - faster
            return answers  # type: ignore[return-value]  # all are readings: no copy
        return {variant: _shown(answer) for variant, answer in answers.items()}

    async def get_stock_level(self, variant: ProductVariantId, call: Call) -> Availability:
        """The value of one variant; see `get_stock_levels`."""
        return (await self.get_stock_levels((variant,), call))[variant]


def _shown(answer: Answer) -> Availability:
    if isinstance(answer, StockReading):
        return answer
    if isinstance(answer, UnknownVariant):
        return _UNKNOWN_VARIANT
    return Unavailable(answer.error.reason)
