"""What the cases of a shared store share: readings, lookups and stored answers."""

# ruff: noqa: S101 - a suite asserts
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any
from uuid import uuid4

import attrs

from shelfport.contracts.conformance.port_suite import Needs, Test, always, port_case
from shelfport.contracts.conformance.running import Done, named_after
from shelfport.contracts.conformance.shared_store.harness import SharedStoreHarness
from shelfport.domain.model import (
    ProductVariantId,
    StockLevel,
    StockReading,
    StockStatus,
    UnknownVariant,
    variant_id,
)
from shelfport.ports import Lookup, LookupOptions, SharedStore, StoreRequest

OnStore = Callable[[Any, SharedStore], Done]
OnTwo = Callable[[Any, SharedStore, SharedStore], Done]


def store_case(needs: Needs = always) -> Callable[[OnStore], Test]:
    """A case with an open store."""

    def decorate(body: OnStore) -> Test:
        async def on_harness(self: Any, harness: SharedStoreHarness) -> None:
            async with harness.store() as store:
                await body(self, store)

        return port_case(needs)(named_after(body, on_harness))

    return decorate


def store_case_of_two(needs: Needs = always) -> Callable[[OnTwo], Test]:
    """A case with the open stores of two replicas."""

    def decorate(body: OnTwo) -> Test:
        async def on_harness(self: Any, harness: SharedStoreHarness) -> None:
            async with harness.store() as store, harness.store() as other:
                await body(self, store, other)

        return port_case(needs)(named_after(body, on_harness))

    return decorate


def two_variants() -> tuple[ProductVariantId, ProductVariantId]:
    """The ids of two new variants."""
    return variant_id(uuid4()), variant_id(uuid4())


def now() -> datetime:
    """The present instant."""
    return datetime.now(UTC)


async def look_up(
    store: SharedStore,
    *variants: ProductVariantId,
    claim: str = "one",
    age: float = 5.0,
    unknown_age: float = 5.0,
    lease: float = 10.0,
    max_staleness: float = inf,
) -> Mapping[ProductVariantId, Lookup]:
    """The lookup of these variants, now."""
    options = LookupOptions(now(), age, unknown_age, claim, lease, max_staleness)
    return await store.lookup(variants, options)


async def look_up_one(store: SharedStore, variant: ProductVariantId, **options: Any) -> Lookup:
    """The lookup of one variant, now; fails if it is not answered."""
    lookups = await look_up(store, variant, **options)
    assert variant in lookups, "the lookup does not answer the variant"
    return lookups[variant]


def a_reading(
    variant: ProductVariantId,
    quantity: int = 5,
    *,
    updated: float | None = -100.0,
    as_of: datetime | None = None,
    upstream_age: float = 0.0,
) -> StockReading:
    """A reading whose level was updated `updated` seconds from now."""
    moment = now()
    updated_at = None if updated is None else moment + timedelta(seconds=updated)
    level = StockLevel(variant, quantity, StockStatus.IN_STOCK, updated_at)
    return StockReading(level, as_of or moment, "http", upstream_age=upstream_age)


async def put(
    store: SharedStore,
    value: StockReading | UnknownVariant,
    token: bytes,
    *,
    claim: str = "one",
    seconds: float = 60.0,
    as_of: datetime | None = None,
    hold: float = 5.0,
) -> None:
    """Store `value` with `token` for `seconds`."""
    if isinstance(value, StockReading):
        as_of, variant = value.as_of, value.level.variant_id
    else:
        variant = value.variant_id
    assert as_of is not None
    await store.store({variant: StoreRequest(value, as_of, token, seconds, hold)}, now(), claim)


async def add(
    store: SharedStore, value: StockReading | UnknownVariant, ago: float = 0.0, **options: Any
) -> None:
    """`put` the answer to a request of `ago` seconds ago, with the token of a lookup.

    Its `as_of` is that moment, less its `upstream_age`.
    """
    as_of = now() - timedelta(seconds=ago + value.upstream_age)
    if isinstance(value, StockReading):
        value, variant = attrs.evolve(value, as_of=as_of), value.level.variant_id
    else:
        variant = value.variant_id
    token = (await look_up_one(store, variant, lease=0)).token
    await put(store, value, token, as_of=as_of, **options)


def quantity_of(lookup: Lookup) -> int | None:
    """The quantity of a stored reading; None if there is none."""
    value = lookup.value
    return value.level.available_quantity if isinstance(value, StockReading) else None
