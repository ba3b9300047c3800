"""What only a real Redis shows: round trips, keys, clocks, and foreign messages."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import attrs
import pytest
from redis import Redis as SyncRedis
from redis.asyncio import Redis
from redis.exceptions import RedisError

from shelfport import (
    Freshness,
    Settings,
    StockLevel,
    StockReading,
    build,
    variant_id,
)
from shelfport.adapters.redis import RedisClient, RedisStore
from shelfport.adapters.redis.encoding import microseconds
from shelfport.options import IdFormat, SharedCacheOptions
from shelfport.ports import UnknownVariant
from shelfport.ports.shared_store import LookupOptions, SharedCacheUnavailable, StoreRequest
from tests.support.figures import Report
from tests.support.ports import Lively
from tests.support.private_redis import PrivateRedis
from tests.support.values import a_reading, an_id, ids
from tests.support.waiting import until

A = an_id(1)
SKU = variant_id("SCARF:{blue}", IdFormat.TEXT)


@asynccontextmanager
async def monitored(url: str) -> AsyncIterator[Callable[[], list[str]]]:
    """The commands of clients meanwhile, without the commands inside scripts."""
    commands: list[str] = []
    async with Redis.from_url(url) as redis, redis.monitor() as monitor:

        async def listen() -> None:
            async for entry in monitor.listen():
                name = entry["command"].split(" ")[0].upper()
                commands.extend([] if entry["client_type"] == "lua" else [name])

        task = asyncio.create_task(listen())
        yield lambda: commands
        task.cancel()
        await asyncio.wait([task])


def settings(url: str, prefix: str = "own") -> Settings:
    return Settings(shared_cache=SharedCacheOptions(url=url, prefix=prefix, timeout=1.9))


async def test_one_round_trip_a_page(own_redis: PrivateRedis, report: Report) -> None:
    """A page of 24, memory cold, is exactly one command to Redis, and one more if it is kept."""
    page = ids(24)
    async with build(settings(own_redis.url), adapter=Lively()) as first:
        await first.get_stock_levels(page)  # the server knows the scripts now
        await until(lambda: first.snapshot().shared_cache.misses == 24)  # type: ignore[union-attr]  # set

        second = Lively()
        async with build(settings(own_redis.url), adapter=second) as inventory:
            await inventory.get_stock_levels([an_id(999)])  # connected
            await asyncio.sleep(0.05)
            async with monitored(own_redis.url) as commands:
                readings = await inventory.get_stock_levels(page)
                await asyncio.sleep(0.05)
                for_reads = list(commands())
                await inventory.get_stock_levels(ids(48)[24:])
                await until(lambda: len(commands()) >= 3)
                await asyncio.sleep(0.05)
                with_writes = list(commands())

    assert ["EVALSHA"] == for_reads
    assert ["EVALSHA"] * 3 == with_writes
    assert {Freshness.CACHED} == {
        r.freshness for r in readings.values() if isinstance(r, StockReading)
    }
    assert 1 + 1 == len(second.reads)
    report(f"a page of 24, memory cold: {len(for_reads)} round trip; not known yet: 1 + 1 behind")


async def test_keys_are_in_one_slot(redis_store: RedisStore, redis_url: str) -> None:
    """In a Redis Cluster all keys of a page are in one slot, whatever characters its ids have."""
    odd = [variant_id(text, IdFormat.TEXT) for text in ("{SKU}", "a:b", "}{", "HAT/RED&L?#1%+")]
    keys = [redis_store.key(variant) for variant in (*ids(50), *odd)]
    tags = {re.match(r"[^{}]*\{([^{}]+)\}:2:", key) for key in keys}

    assert None not in tags
    assert {redis_store.prefix} == {tag.group(1) for tag in tags if tag is not None}
    assert len(keys) == len(set(keys))


async def test_every_key_ends(redis_store: RedisStore, redis_url: str) -> None:
    """Every key has an expiry."""
    now = datetime.now(UTC)
    fenced, looked, kept, unknown = ids(4)
    options = LookupOptions(now, 5, 5, "one", 10)
    await redis_store.fence([fenced], None)
    lookups = await redis_store.lookup([looked, kept, unknown], options)
    await redis_store.store(
        {
            kept: StoreRequest(a_reading(kept), now, lookups[kept].token, 300),
            unknown: StoreRequest(UnknownVariant(unknown), now, lookups[unknown].token, 5),
        },
        now,
        "one",
    )

    with SyncRedis.from_url(redis_url) as redis:
        lives = [redis.ttl(redis_store.key(v)) for v in (fenced, looked, kept, unknown)]
    assert [True, True, True, True] == [
        0 < life <= most for life, most in zip(lives, (60, 60, 300, 5), strict=True)
    ]


async def test_how_much_a_variant_takes(
    redis_store: RedisStore, redis_url: str, report: Report
) -> None:
    """A variant takes a few hundred bytes of Redis: 100,000 fit into a few dozen MB."""
    now = datetime.now(UTC)
    page = ids(100)
    lookups = await redis_store.lookup(page, LookupOptions(now, 5, 5, "c" * 16, 10))
    await redis_store.store(
        {v: StoreRequest(a_reading(v), now, lookups[v].token, 300) for v in page}, now, "c" * 16
    )
    with SyncRedis.from_url(redis_url) as redis:
        used = [redis.memory_usage(redis_store.key(v)) or 0 for v in page]
    each = sum(used) / len(used)

    assert each < 400
    report(f"{each:.0f} bytes a variant, key included")


async def test_a_host_with_a_wrong_clock(redis_store: RedisStore) -> None:
    """A reading of a host whose clock is an hour ahead is not current for an hour."""
    ahead = datetime.now(UTC) + timedelta(hours=1)
    token = (await redis_store.lookup([A], LookupOptions(ahead, 1, 1, "one", 10)))[A].token
    await redis_store.store({A: StoreRequest(a_reading(A), ahead, token, 300)}, ahead, "one")
    await asyncio.sleep(1.2)
    now = datetime.now(UTC)
    lookup = (await redis_store.lookup([A], LookupOptions(now, 1, 1, "two", 10)))[A]

    assert not lookup.current
    assert isinstance(lookup.value, StockReading)
    assert timedelta(seconds=1.1) < now - lookup.value.as_of < timedelta(minutes=5)


async def test_a_wrong_clock_does_not_win(redis_store: RedisStore) -> None:
    """After a reading of a host whose clock is an hour ahead, a later one of a right host stays."""
    now = datetime.now(UTC)
    ahead = now + timedelta(hours=1)
    token = (await redis_store.lookup([A], LookupOptions(now, 5, 5, "one", 10)))[A].token
    for quantity, clock in ((1, ahead), (2, now)):
        moment = clock + (datetime.now(UTC) - now)
        reading = a_reading(A, quantity, moment)
        await redis_store.store({A: StoreRequest(reading, moment, token, 300)}, moment, "one")
    options = LookupOptions(datetime.now(UTC), 5, 5, "two", 10)

    assert a_reading(A, 2).level == (await level_of(redis_store, options))


async def level_of(redis_store: RedisStore, options: LookupOptions) -> StockLevel | None:
    value = (await redis_store.lookup([A], options))[A].value
    return value.level if isinstance(value, StockReading) else None


async def test_a_clock_that_was_set_back(redis_store: RedisStore) -> None:
    """A host whose clock was set back by an hour does not take a reading for a young one."""
    now = datetime.now(UTC)
    back = now - timedelta(hours=1)
    token = (await redis_store.lookup([A], LookupOptions(now, 5, 5, "one", 10)))[A].token
    reading = a_reading(A, as_of=now - timedelta(seconds=20))
    await redis_store.store({A: StoreRequest(reading, reading.as_of, token, 300)}, now, "one")
    lookup = (await redis_store.lookup([A], LookupOptions(back, 10, 5, "two", 10)))[A]

    assert not lookup.current
    assert isinstance(lookup.value, StockReading)
    assert timedelta(seconds=19) < back - lookup.value.as_of < timedelta(seconds=30)


async def test_an_unknown_of_the_former_edition(redis_store: RedisStore, redis_url: str) -> None:
    """What the former edition stored in the reading's place is current, until an answer follows."""
    now = datetime.now(UTC)
    options = LookupOptions(now, 60, 5, "one", 0)
    token = (await redis_store.lookup([A], options))[A].token
    payload = b"\x01\x93\xcf" + microseconds(now).to_bytes(8, "big") + b"\xa0\xc0"
    stored = {"k": token, "v": payload, "u": "", "a": microseconds(now), "s": microseconds(now)}
    with SyncRedis.from_url(redis_url) as redis:
        redis.hset(redis_store.key(A), mapping=stored)
    found = (await redis_store.lookup([A], options))[A]
    older = (await redis_store.lookup([A], attrs.evolve(options, unknown_age=0)))[A]
    await redis_store.store({A: StoreRequest(a_reading(A), now, token, 300)}, now, "one")
    after = (await redis_store.lookup([A], options))[A]

    assert (UnknownVariant(A), True, True) == (found.value, found.current, found.absent)
    assert (False, True) == (older.current, older.absent)
    assert (True, False) == (after.current, after.absent)
    assert isinstance(after.value, StockReading)


async def test_a_payload_of_a_later_release(redis_store: RedisStore, redis_url: str) -> None:
    """A value of a later release is a miss, and is replaced by one of this release."""
    now = datetime.now(UTC)
    options = LookupOptions(now, 5, 5, "one", 10)
    token = (await redis_store.lookup([A], options))[A].token
    await redis_store.store({A: StoreRequest(a_reading(A), now, token, 300)}, now, "one")
    with SyncRedis.from_url(redis_url) as redis:
        redis.hset(redis_store.key(A), "v", b"\x7fof a later release")
    lookup = (await redis_store.lookup([A], options))[A]
    await redis_store.store({A: StoreRequest(a_reading(A), now, lookup.token, 300)}, now, "one")
    after = (await redis_store.lookup([A], options))[A]

    assert (None, False) == (lookup.value, lookup.current)
    assert (a_reading(A, as_of=now, freshness=Freshness.CACHED), True) == (
        after.value,
        after.current,
    )


async def test_own_and_foreign_messages(redis_store: RedisStore, redis_url: str) -> None:
    """A replica skips its own announcements and foreign messages."""
    async with redis_store.invalidations() as invalidations:
        await redis_store.fence([an_id(1)], None)
        with SyncRedis.from_url(redis_url) as redis:
            redis.publish(redis_store.channel, b"")
            redis.publish(redis_store.channel, b"stranger and strange")
            redis.publish(redis_store.channel, b"stranger" + UUID(an_id(1)).bytes)
            announced = f"{an_id(2)}\n{SKU}\n".encode()
            redis.publish(redis_store.channel, b"stranger" + announced)
        heard = await asyncio.wait_for(anext(invalidations), 5)

    assert [an_id(2), SKU] == heard


async def test_text_ids(redis_store: RedisStore) -> None:
    """Ids in text format are stored, found and fenced like UUIDs."""
    now = datetime.now(UTC)
    options = LookupOptions(now, 5, 5, "one", 0)
    token = (await redis_store.lookup([SKU, A], options))[SKU].token
    await redis_store.store({SKU: StoreRequest(a_reading(SKU), now, token, 300)}, now, "one")

    found = await redis_store.lookup([SKU, A], options)
    await redis_store.fence([SKU], None)
    fenced = await redis_store.lookup([SKU], options)

    assert a_reading(SKU, as_of=now, freshness=Freshness.CACHED) == found[SKU].value
    assert (True, False) == (found[SKU].current, fenced[SKU].current)
    assert found[A].value is None


async def test_replicas_of_two_editions(redis_store: RedisStore, redis_url: str) -> None:
    """Keys of the former edition, whose ids are the digits of a UUID, are not read."""
    now = datetime.now(UTC)
    options = LookupOptions(now, 5, 5, "one", 0)
    token = (await redis_store.lookup([A], options))[A].token
    await redis_store.store({A: StoreRequest(a_reading(A), now, token, 300)}, now, "one")
    with SyncRedis.from_url(redis_url) as redis:
        redis.rename(redis_store.key(A), f"{{{redis_store.prefix}}}:1:{UUID(A).hex}")

    assert (await redis_store.lookup([A], options))[A].value is None


async def test_a_silent_channel_is_pinged(
    redis_store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A silent channel is not lost: the server answers a PING."""
    monkeypatch.setattr("shelfport.adapters.redis.client._SILENCE", 0.1)
    async with redis_store.invalidations() as invalidations:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(invalidations), 0.5)


def test_a_client_is_made_without_io() -> None:
    """Constructing a client does no I/O; a client that is not entered raises an error."""
    client = RedisClient(SharedCacheOptions(url="redis://me:secret@cache.internal/3"))

    assert "RedisClient(redis://cache.internal:6379)" == repr(client)
    with pytest.raises(RuntimeError, match="not open"):
        asyncio.run(client.ping())
    with pytest.raises(ValueError, match=r"shared_cache\.url is not set"):
        RedisClient(SharedCacheOptions())


def test_a_password_is_in_no_sentence() -> None:
    """No error quotes the password, even if the server does."""
    client = RedisClient(SharedCacheOptions(url="redis://:s3cret@cache.internal"))

    with (
        pytest.raises(SharedCacheUnavailable, match=r"no user with \*{7}$"),
        client._translated(),
    ):
        raise RedisError("no user with s3cret")
