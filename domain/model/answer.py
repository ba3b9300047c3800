"""The answers of the port: closed unions, with one value for each variant."""

from collections.abc import Mapping
from datetime import datetime

import attrs

from shelfport.domain.model.errors import InventoryError
from shelfport.domain.model.item import InventoryItem
from shelfport.domain.model.stock import StockLevel, StockReading
from shelfport.domain.model.variant import ProductVariantId


@attrs.frozen
class UnknownVariant:
    """The Inventory Service has no record of this variant."""

    variant_id: ProductVariantId
    as_of: datetime | None = attrs.field(default=None, eq=False)
    """The instant (aware, UTC) at which the request was sent, less `upstream_age`, for an answer
    from a cache. None: the request was sent for this call."""
    upstream_age: float = attrs.field(default=0.0, eq=False)
    """As `StockReading.upstream_age`."""
    confirmed: bool = attrs.field(default=False, eq=False)
    """Whether the service said so of this variant alone. Else it was missing in an answer about
    several, which is believed as long as nothing that is known contradicts it."""


@attrs.frozen
class Unreadable:
    """This variant could not be read, but another variant of the same call could."""

    error: InventoryError


Answer = StockReading | UnknownVariant | Unreadable
"""What the port says of one variant: a closed union, for `match`."""


@attrs.frozen
class Created:
    """This operation opened the inventory record."""

    item: InventoryItem


@attrs.frozen
class AlreadyThere:
    """The variant has an inventory record already.

    Either it existed before, and its stock was not changed; or an unanswered attempt at this
    operation opened it, and a read found it.
    """

    level: StockLevel


Initialized = Created | AlreadyThere
"""What the port says of a request for a record: a closed union, for `match`."""


def settled(
    answers: Mapping[ProductVariantId, Answer],
) -> Mapping[ProductVariantId, Answer]:
    """Apply the port's rule on failures to complete answers.

    If at least one variant was answered, failures stay values; else the first failure is raised.

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
        raise error.again()
    return answers
