"""What the cases share: variants, calls and requests, and assertions about answers."""

# ruff: noqa: S101 - a suite asserts, expected value first
from collections.abc import Awaitable, Mapping, Sequence
from datetime import timedelta
from uuid import uuid4

from shelfport.contracts.conformance.harness import Harness
from shelfport.domain.model import (
    Answer,
    Call,
    Created,
    InitialStock,
    InventoryError,
    InventoryItem,
    ProductVariantId,
    StockLevel,
    StockReading,
    variant_id,
)
from shelfport.ports import InventoryPort

CORRELATION_ID = "conformance-7f3a"
AMPLE = 10.0
"""Seconds until the deadline of a call whose deadline does not matter."""
SOON = 0.1
"""Seconds until the deadline of a call that gets no answer."""
GENEROUS = 5.0
"""Seconds by which the end of such a call may be late, because the machine may be loaded."""
ALLOWANCE = timedelta(milliseconds=20)
"""The allowed difference between two readings of the clock for the same instant."""


def new_variant() -> ProductVariantId:
    """The id of a new, unknown variant."""
    return variant_id(uuid4())


async def stocked(harness: Harness, *quantities: int) -> list[ProductVariantId]:
    """New variants with records of these quantities."""
    variants = [new_variant() for _ in quantities]
    for variant, quantity in zip(variants, quantities, strict=True):
        await harness.set_stock(variant, quantity)
    return variants


def a_call(harness: Harness, *, seconds: float = AMPLE, max_staleness: float | None = None) -> Call:
    """A call with a correlation id, `seconds` before its deadline."""
    return Call(
        deadline=harness.clock.monotonic() + seconds,
        max_staleness=max_staleness,
        correlation_id=CORRELATION_ID,
    )


def a_request(
    variant: ProductVariantId | None = None, *, quantity: int = 7, low_stock_threshold: int = 10
) -> InitialStock:
    """A request under a new key; for a new variant, unless one is given."""
    return InitialStock(
        variant_id=variant or new_variant(),
        initial_quantity=quantity,
        low_stock_threshold=low_stock_threshold,
        idempotency_key=uuid4(),
    )


async def read_level(port: InventoryPort, variant: ProductVariantId, call: Call) -> StockLevel:
    """Read one variant, and return its level."""
    return level_of(await port.read([variant], call), variant)


def reading_of(
    answers: Mapping[ProductVariantId, Answer], variant: ProductVariantId
) -> StockReading:
    """The reading of `variant`; fails if it has none."""
    answer = answers.get(variant)
    assert isinstance(answer, StockReading), f"{variant} was answered with {answer!r}"
    return answer


def level_of(answers: Mapping[ProductVariantId, Answer], variant: ProductVariantId) -> StockLevel:
    """The level of `variant`; fails if it was not read."""
    return reading_of(answers, variant).level


def quantities_of(
    answers: Mapping[ProductVariantId, Answer], variants: Sequence[ProductVariantId]
) -> list[int]:
    """The quantities of `variants`; fails if one was not read."""
    return [level_of(answers, variant).available_quantity for variant in variants]


def item_of(outcome: object) -> InventoryItem:
    """The item of an initialization; fails if it was not created."""
    assert isinstance(outcome, Created), f"it was answered with {outcome!r}"
    return outcome.item


async def failure_of(waiting: Awaitable[object]) -> InventoryError:
    """The `InventoryError` of a call; fails if the call succeeds or raises another error."""
    try:
        answered = await waiting
    except InventoryError as error:
        return error
    except Exception as error:
        raise AssertionError(
            f"{type(error).__name__} left the port, which may raise only InventoryError: {error}"
        ) from error
    raise AssertionError(f"an InventoryError must be raised; it answered {answered!r}")
