"""The products of the Product Service: names and variant ids. It keeps no stock."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Self
from uuid import uuid4

import attrs

from shelfport.contracts.sandbox import CATALOGUE
from shelfport.domain.model import ProductVariantId, StockStatus, variant_id

LONGEST_NAME = 120


def _name(_instance: object, _field: "attrs.Attribute[str]", value: str) -> None:
    if not value.strip():
        raise ValueError("a product needs a name")
    if len(value) > LONGEST_NAME:
        raise ValueError(
            f"the name has {len(value)} characters: it must have at most {LONGEST_NAME}"
        )
    # This refuses line breaks and lone surrogates, which cannot be encoded.
    if not value.isprintable():
        raise ValueError("the name must have printable characters only, in one line")


@attrs.frozen
class Product:
    """A product on sale, known to the Inventory Service by its variant id.

    Raises:
        ValueError: the name is empty, too long, or not printable.
    """

    name: str = attrs.field(validator=_name)
    variant_id: ProductVariantId


class ProductCatalog:
    """The products on sale, in memory, in the order of their creation.

    A `ProductCatalogPort`, so that the demo takes the events of its consumer group. Its pages show
    readings, and its products can be ordered as soon as they are there.
    """

    def __init__(self, products: Iterable[Product] = ()) -> None:
        self._products = list(products)
        self.statuses: dict[ProductVariantId, StockStatus] = {}
        """What the latest event of each variant said."""

    @classmethod
    def of_sandbox(cls) -> Self:
        """The products whose stock the sandbox has at its start."""
        return cls(Product(variant.name, variant.variant_id) for variant in CATALOGUE)

    def __iter__(self) -> Iterator[Product]:
        return iter(self._products)

    def __len__(self) -> int:
        return len(self._products)

    async def mark_not_orderable(self, variant: ProductVariantId) -> None:
        """Nothing to do: the demo creates products under ROLL_BACK alone."""

    async def mark_orderable(self, variant: ProductVariantId) -> None:
        """Nothing to do, as above."""

    async def show_status(
        self,
        variant: ProductVariantId,
        status: StockStatus,
        as_of: datetime,  # noqa: ARG002 - the port's
    ) -> None:
        """Keep the status; the events of one process come in order."""
        self.statuses[variant] = status

    @contextmanager
    def creating(self, name: str) -> Iterator[Product]:
        """A transaction around a new product: it is on sale only if the block succeeds.

        Raises:
            ValueError: the name is invalid.
        """
        product = Product(name.strip(), variant_id(uuid4()))
        yield product
        self._products.append(product)
