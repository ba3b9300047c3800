"""A host of a run: creates its share of the products, each in one transaction with its entry."""

import time
from datetime import UTC, datetime
from uuid import UUID, uuid4

from shelfport.outbox import QueuedInitialization
from shelfport.ports import InitialStock
from tests.durability.plan import Plan, Product
from tests.durability.shop import Shop

PAUSE = 0.01
"""Seconds between two checks whether a host may go on."""


def create_products(plan: Plan, share: int, allowed: "Allowed") -> None:
    """Create every missing product of one share; after a kill, the next host goes on.

    A tenth of the transactions is rolled back at first, entry and all, and made again under
    another key: an entry that outlived its product would show in the ledger.
    """
    chance = plan.chance("host", share, time.monotonic_ns())
    shop = Shop(plan.url)
    there = shop.numbers()
    for number in range(share, plan.operations, plan.hosts):
        if number in there:
            continue
        while number >= allowed.value:
            time.sleep(PAUSE)
        product = plan.product(number)
        if chance.random() < 0.1:
            shop.create(product, _entry(product, uuid4()), commit=False)
        shop.create(product, _entry(product, product.poisoned or uuid4()), commit=True)
    shop.close()


class Allowed:
    """How many products may exist: a number that the driver and its children share."""

    value: int


def _entry(product: Product, key: UUID) -> QueuedInitialization:
    return QueuedInitialization(
        request=InitialStock(variant_id=product.variant, idempotency_key=key),
        policy=product.policy,
        queued_at=datetime.now(UTC),
        correlation_id=f"product-{product.number}",
    )
