"""The demo catalog: a small outdoor shop, the same on every machine.

The ids are computed from the names, so a Product Service and a sandbox agree on them.
"""

from collections.abc import Mapping
from uuid import UUID, uuid5

import attrs

from shelfport.contracts.sandbox.store import DEFAULT_THRESHOLD, SeedRecord
from shelfport.domain.model import ProductVariantId, variant_id

NAMESPACE = UUID("5f0c1f5e-3a55-4d0a-9a0e-6f1e9a7b2c41")
"""The UUID namespace of the ids."""


@attrs.frozen
class SeedVariant:
    """A variant on sale: one option of one product."""

    product: str
    option: str
    """The difference from the product's other variants, such as a size and a colour."""
    available_quantity: int
    """Units in stock at the start."""
    low_stock_threshold: int = DEFAULT_THRESHOLD

    @property
    def name(self) -> str:
        """The variant's name on a page."""
        return f"{self.product}, {self.option}"

    @property
    def variant_id(self) -> ProductVariantId:
        """Its id: a version 5 UUID of its name."""
        return variant_id(uuid5(NAMESPACE, self.name))

    @property
    def seed(self) -> SeedRecord:
        """The inventory record that a sandbox starts with."""
        return SeedRecord(self.variant_id, self.available_quantity, self.low_stock_threshold)


CATALOGUE: tuple[SeedVariant, ...] = (
    SeedVariant("Ridgeline Trail Shoe", "40, moss", 34),
    SeedVariant("Ridgeline Trail Shoe", "41, moss", 52),
    SeedVariant("Ridgeline Trail Shoe", "42, moss", 7),
    SeedVariant("Ridgeline Trail Shoe", "43, moss", 0),
    SeedVariant("Ridgeline Trail Shoe", "42, slate", 18),
    SeedVariant("Ridgeline Trail Shoe", "43, slate", 2),
    SeedVariant("Harbour Rain Jacket", "S, navy", 21),
    SeedVariant("Harbour Rain Jacket", "M, navy", 64),
    SeedVariant("Harbour Rain Jacket", "L, navy", 10),
    SeedVariant("Harbour Rain Jacket", "M, signal orange", 0),
    SeedVariant("Harbour Rain Jacket", "L, signal orange", 5),
    SeedVariant("Tarn Sleeping Bag", "regular", 27),
    SeedVariant("Tarn Sleeping Bag", "long", 3, low_stock_threshold=5),
    SeedVariant("Fell Two-Person Tent", "sand", 11, low_stock_threshold=3),
    SeedVariant("Fell Two-Person Tent", "pine", 1, low_stock_threshold=3),
    SeedVariant("Cairn Backpack", "28 litres", 40),
    SeedVariant("Cairn Backpack", "45 litres", 0),
    SeedVariant("Cairn Backpack", "65 litres", 15),
    SeedVariant("Ember Camping Stove", "single burner", 120, low_stock_threshold=25),
    SeedVariant("Ember Camping Stove", "double burner", 22, low_stock_threshold=25),
    SeedVariant("Brook Water Bottle", "0.5 litres", 860, low_stock_threshold=100),
    SeedVariant("Brook Water Bottle", "1 litre", 95, low_stock_threshold=100),
    SeedVariant("Merino Hiking Sock", "39-42", 430, low_stock_threshold=50),
    SeedVariant("Merino Hiking Sock", "43-46", 0, low_stock_threshold=50),
)
"""24 variants with a record: in stock, low and out."""

FORTHCOMING: tuple[SeedVariant, ...] = (
    SeedVariant("Summit Head Torch", "400 lumens", 0),
    SeedVariant("Summit Head Torch", "800 lumens", 0),
)
"""Announced variants without an inventory record: unknown until a client opens one."""

BY_ID: Mapping[ProductVariantId, SeedVariant] = {
    variant.variant_id: variant for variant in (*CATALOGUE, *FORTHCOMING)
}
"""Every variant of the catalog, forthcoming ones included, by its id."""


def seed_records() -> tuple[SeedRecord, ...]:
    """The records of `CATALOGUE`, for `Sandbox(seed=seed_records())`."""
    return tuple(variant.seed for variant in CATALOGUE)
