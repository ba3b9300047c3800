"""What the port answers: closed unions, one value for each variant asked for."""

from collections.abc import Mapping
from datetime import datetime

import attrs

from shelfport.domain.model.errors import InventoryError
from shelfport.domain.model.item import InventoryItem
from shelfport.domain.model.stock import StockLevel, StockReading
from shelfport.domain.model.variant import ProductVariantId


@attrs.frozen
class UnknownVariant:
    """The Inventory Service answered: it has no record of this variant."""

    variant_id: ProductVariantId
    as_of: datetime | None = attrs.field(default=None, eq=False)
    """The instant (aware, UTC) at which the request that this answers was sent, where that was
    before the call that it is handed out for. None: just now."""


@attrs.frozen
class Unreadable:
    """This variant could not be read, while another one of the same call could."""

    error: InventoryError


Answer = StockReading | UnknownVariant | Unreadable


@attrs.frozen
class Created:
    """The inventory record was opened by this operation."""

    item: InventoryItem


@attrs.frozen
class AlreadyThere:
    """The variant has an inventory record that this operation did not see itself open.

    It was there before, and its stock was left alone; or an attempt that nobody heard back from
    opened it, and a read found it.
    """

    level: StockLevel


Initialized = Created | AlreadyThere


def settled(
    answers: Mapping[ProductVariantId, Answer],
) -> Mapping[ProductVariantId, Answer]:
    """Apply the port's rule on failures to finished answers.

    If at least one variant was answered, failures stay values; if none was, the first is raised.

    Raises:
        InventoryError: every answer is `Unreadable` (and there is at least one).
    """
    error: InventoryError | None = None
    for answer in answers.values():
        if type(answer) is not Unreadable:
            return answers
        if error is None:
            error = answer.error
    if error is not None:
        raise error
    return answers
