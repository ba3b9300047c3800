"""Type-checked, never run: what a host writes is clean under mypy --strict."""

from collections.abc import Mapping, Sequence
from typing import assert_never, assert_type
from uuid import UUID

import attrs
from dependency_injector import containers, providers

from shelfport import (
    AlreadyThere,
    Availability,
    Container,
    Created,
    InventoryIntegration,
    InventoryPort,
    ProductVariantId,
    Settings,
    StockReading,
    Unavailable,
    build,
)
from shelfport.ports import (
    Answer,
    Call,
    Initialized,
    InitialStock,
)


async def page(inventory: InventoryIntegration, ids: list[UUID]) -> list[str]:
    """A badge for each variant: the union is closed, so mypy sees that nothing is forgotten."""
    levels = await inventory.get_stock_levels(ids, max_staleness=300)
    assert_type(levels, dict[UUID | str, StockReading | Unavailable])
    return [badge(levels[variant]) for variant in ids]


def badge(availability: Availability) -> str:
    """The words for one variant."""
    match availability:
        case StockReading(level):
            return f"{level.available_quantity} left"
        case Unavailable():
            return str(availability)
        case other:
            assert_never(other)


def outcome_text(outcome: Initialized) -> str:
    """The words for the outcome of an initialization."""
    match outcome:
        case Created(item):
            return f"opened {item.id}"
        case AlreadyThere(level):
            return f"had {level.available_quantity}"
        case other:
            assert_never(other)


@attrs.frozen
class Shoe:
    """A host's own model."""

    sku: str
    inventory_id: ProductVariantId


def shoe_id(shoe: Shoe, /) -> ProductVariantId:
    """The mapper of a host."""
    return shoe.inventory_id


async def with_own_models(shoe: Shoe) -> None:
    """A mapper decides what the integration takes and gives."""
    async with build(Settings(adapter="memory"), mapper=shoe_id) as inventory:
        assert_type(inventory, InventoryIntegration[Shoe])
        assert_type(
            await inventory.get_stock_levels([shoe]), dict[Shoe, StockReading | Unavailable]
        )
        await inventory.get_stock_levels(["shoe"])  # type: ignore[list-item]  # must be refused


class Own:
    """An adapter of a third party."""

    async def read(
        self, ids: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        """Nothing is known."""
        return {}

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        """Nothing can be opened."""
        raise OSError


own: InventoryPort = Own()


class Host(containers.DeclarativeContainer):
    """A host's own container."""

    inventory = providers.Container(Container, adapter=providers.Object(own))


build(Settings(base_ulr="https://inventory.internal"))  # type: ignore[call-arg]  # must be refused
