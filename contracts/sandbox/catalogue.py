"""The demo catalogue: a small outdoor shop, the same on every machine.

The ids come from the names, so a Product Service and a sandbox that never met agree on them.
"""

from collections.abc import Mapping
from uuid import UUID, uuid5

import attrs

from shelfport.contracts.sandbox.store import DEFAULT_THRESHOLD, SeedRecord
from shelfport.domain.model import ProductVariantId

NAMESPACE = UUID("5f0c1f5e-3a55-4d0a-9a0e-6f1e9a7b2c41")
"""The UUID namespace in which the catalogue's names are turned into ids."""


@attrs.frozen
class CatalogueVariant:
    """A variant on sale: one option of one product."""

    product: str
    option: str
    """What tells it from the product's other variants, such as a size and a colour."""
    available_quantity: int
    """Units in stock at the start."""
    low_stock_threshold: int = DEFAULT_THRESHOLD

    @property
    def name(self) -> str:
        """What a page calls it."""
        return f"{self.product}, {self.option}"

    @property
    def variant_id(self) -> ProductVariantId:
        """Its id: a version 5 UUID of its name."""
        return ProductVariantId(uuid5(NAMESPACE, self.name))

    @property
    def seed(self) -> SeedRecord:
        """The inventory record that a sandbox starts with."""
        return SeedRecord(self.variant_id, self.available_quantity, self.low_stock_threshold)


CATALOGUE: tuple[CatalogueVariant, ...] = (
    CatalogueVariant("Ridgeline Trail Shoe", "40, moss", 34),
    CatalogueVariant("Ridgeline Trail Shoe", "41, moss", 52),
    CatalogueVariant("Ridgeline Trail Shoe", "42, moss", 7),
    CatalogueVariant("Ridgeline Trail Shoe", "43, moss", 0),
    CatalogueVariant("Ridgeline Trail Shoe", "42, slate", 18),
    CatalogueVariant("Ridgeline Trail Shoe", "43, slate", 2),
    CatalogueVariant("Harbour Rain Jacket", "S, navy", 21),
    CatalogueVariant("Harbour Rain Jacket", "M, navy", 64),
    CatalogueVariant("Harbour Rain Jacket", "L, navy", 10),
    CatalogueVariant("Harbour Rain Jacket", "M, signal orange", 0),
    CatalogueVariant("Harbour Rain Jacket", "L, signal orange", 5),
    CatalogueVariant("Tarn Sleeping Bag", "regular", 27),
    CatalogueVariant("Tarn Sleeping Bag", "long", 3, low_stock_threshold=5),
    CatalogueVariant("Fell Two-Person Tent", "sand", 11, low_stock_threshold=3),
    CatalogueVariant("Fell Two-Person Tent", "pine", 1, low_stock_threshold=3),
    CatalogueVariant("Cairn Backpack", "28 litres", 40),
    CatalogueVariant("Cairn Backpack", "45 litres", 0),
    CatalogueVariant("Cairn Backpack", "65 litres", 15),
    CatalogueVariant("Ember Camping Stove", "single burner", 120, low_stock_threshold=25),
    CatalogueVariant("Ember Camping Stove", "double burner", 22, low_stock_threshold=25),
    CatalogueVariant("Brook Water Bottle", "0.5 litres", 860, low_stock_threshold=100),
    CatalogueVariant("Brook Water Bottle", "1 litre", 95, low_stock_threshold=100),
    CatalogueVariant("Merino Hiking Sock", "39-42", 430, low_stock_threshold=50),
    CatalogueVariant("Merino Hiking Sock", "43-46", 0, low_stock_threshold=50),
)
"""24 variants with a record: in stock, low and out."""

FORTHCOMING: tuple[CatalogueVariant, ...] = (
    CatalogueVariant("Summit Head Torch", "400 lumens", 0),
    CatalogueVariant("Summit Head Torch", "800 lumens", 0),
)
"""Announced variants without an inventory record: unknown until somebody opens one."""

BY_ID: Mapping[ProductVariantId, CatalogueVariant] = {
    variant.variant_id: variant for variant in (*CATALOGUE, *FORTHCOMING)
}
"""Every variant of the catalogue, forthcoming ones included, by its id."""


def seed_records() -> tuple[SeedRecord, ...]:
    """The records of `CATALOGUE`, for `Sandbox(seed=seed_records())`."""
    return tuple(variant.seed for variant in CATALOGUE)
