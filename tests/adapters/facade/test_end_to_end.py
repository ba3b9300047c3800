"""The whole stack against the sandbox over HTTP, with its requests counted."""

import asyncio

from shelfport import (
    Created,
    Freshness,
    Settings,
    StockReading,
    build,
)
from shelfport.contracts.sandbox import Faults, Sandbox, SeedRecord
from shelfport.contracts.sandbox.problems import RETRY_AFTER
from shelfport.options import BreakerOptions, CacheOptions, RetryOptions
from tests.support.values import an_id, ids


async def test_a_page_of_24_costs_one_request() -> None:
    """A page of 24 variants costs one request on the wire, and the next one none."""
    async with (
        Sandbox(seed=[SeedRecord(v, 5) for v in ids(24)]) as sandbox,
        build(Settings(base_url=sandbox.url)) as inventory,
    ):
        page = await inventory.get_stock_levels(ids(24))
        await inventory.get_stock_levels(ids(24))

    assert [5] * 24 == [
        answer.level.available_quantity
        for answer in page.values()
        if isinstance(answer, StockReading)
    ]
    assert 1 == len(sandbox.journal)


async def test_1000_ids_cost_five_requests() -> None:
    """1,000 ids are five concurrent requests of 200 ids."""
    async with (
        Sandbox(seed=[SeedRecord(v, 5) for v in ids(1000)]) as sandbox,
        build(Settings(base_url=sandbox.url)) as inventory,
    ):
        sandbox.faults = Faults(latency=0.3)
        started = asyncio.get_running_loop().time()
        page = await inventory.get_stock_levels(ids(1000))
        took = asyncio.get_running_loop().time() - started

    assert ids(1000) == list(page)
    assert [200] * 5 == [
        len(entry.query.removeprefix("productVariantIds=").split(",")) for entry in sandbox.journal
    ]
    assert took < 5 * 0.3


async def test_correlation_ids_reach_the_service() -> None:
    """The service gets the caller's correlation id; without one, a new one is made."""
    async with Sandbox() as sandbox, build(Settings(base_url=sandbox.url)) as inventory:
        await inventory.get_stock_level(an_id(1), correlation_id="page-17")
        await inventory.get_stock_level(an_id(2))

    given, made = (entry.correlation_id for entry in sandbox.journal)
    assert "page-17" == given
    assert made


async def test_a_new_product_over_http() -> None:
    """A new variant's record is opened with an idempotency key, and can then be read."""
    async with Sandbox() as sandbox, build(Settings(base_url=sandbox.url)) as inventory:
        outcome = await inventory.request_inventory_initialization(an_id(1), initial_quantity=3)
        reading = await inventory.get_stock_level(an_id(1))

    assert isinstance(outcome, Created)
    assert isinstance(reading, StockReading)
    assert 3 == reading.level.available_quantity
    assert sandbox.journal[0].idempotency_key


async def test_the_service_goes_and_comes() -> None:
    """While the service is down, the page shows a stale reading with its time; later a live one."""
    settings = CacheOptions(ttl=0, stale_while_revalidate=0, stale_if_error=60, refresh_backoff=0)
    async with (
        Sandbox(seed=[SeedRecord(an_id(1), 5)]) as sandbox,
        build(
            Settings(
                base_url=sandbox.url,
                cache=settings,
                retry=RetryOptions(max_attempts=1),
                breaker=BreakerOptions(minimum_calls=100),
            )
        ) as inventory,
    ):
        seen = [await inventory.get_stock_level(an_id(1))]
        for mode in ("refuse", "garbage", "truncated", "down"):
            sandbox.faults = Faults(mode=mode)
            seen.append(await inventory.get_stock_level(an_id(1)))
        sandbox.faults = Faults()
        await asyncio.sleep(RETRY_AFTER)  # as the service asked
        seen.append(await inventory.get_stock_level(an_id(1)))

    live, *stale, back = [reading for reading in seen if isinstance(reading, StockReading)]
    assert (live.freshness, back.freshness) == (Freshness.LIVE, Freshness.LIVE)
    assert [reading.freshness for reading in stale] == [Freshness.STALE] * 4
    assert {live.as_of} == {reading.as_of for reading in stale}
