"""`shelfport check` with real servers: it reports that they work, and consumes nothing."""

import asyncio

from shelfport.adapters.bus.opening import open_bus
from shelfport.adapters.events.publisher import EventPublisher, message_of
from shelfport.adapters.queue.sql.schema import POSTGRES_STEPS
from shelfport.options import EventOptions
from tests.adapters.cli.check.test_surroundings import row
from tests.adapters.cli.conftest import _started, ended
from tests.support.queues import own_database, with_tables
from tests.support.values import OUT, an_event


async def test_a_bus_and_its_consumer_group(options: EventOptions) -> None:
    """The row is ok where a replica could listen; the group's messages stay."""
    assert options.url is not None
    bus, event = open_bus(options), an_event(OUT)
    async with bus.consumer_group():
        pass
    async with EventPublisher(bus) as publisher:
        await publisher.publish(event)
    variables = {
        "SHELFPORT_ADAPTER": "memory",
        "SHELFPORT_EVENTS_URL": options.url.get_secret_value(),
        "SHELFPORT_EVENTS_EXCHANGE": options.exchange,
        "SHELFPORT_EVENTS_PREFIX": options.prefix,
        "SHELFPORT_EVENTS_CONSUMER_GROUP": options.consumer_group,
    }
    async with _started("check", **variables) as process:
        done = await ended(process)

    assert row(done.out, "bus") == f"ok {bus.name} accepts a subscription"
    assert (0, "") == (done.code, done.err)
    async with bus.consumer_group() as source, asyncio.timeout(30):
        while not (left := await source.fetch(10)):
            pass
        assert [message_of(event).body] == [delivery.message.body for delivery in left]
        assert left[0].delivery_count in {1, None}  # not delivered before
        await left[0].ack()


async def test_postgres_and_redis(postgres_url: str, redis_url: str) -> None:
    """The row of PostgreSQL has the schema version, and that of Redis its answer time."""
    async with own_database(postgres_url) as url:
        variables = {
            "SHELFPORT_ADAPTER": "memory",
            "SHELFPORT_QUEUE_URL": await with_tables(url),
            "SHELFPORT_SHARED_CACHE_URL": redis_url,
            "SHELFPORT_SHARED_CACHE_TIMEOUT": "1",
        }
        async with _started("check", **variables) as process:
            done = await ended(process)

    assert (
        row(done.out, "queue")
        == f"ok schema version {len(POSTGRES_STEPS)}, 0 waiting, 0 dead letters"
    )
    assert row(done.out, "shared_cache").startswith("ok answered in ")
    assert row(done.out, "shared_cache").endswith("; a caller waits 1000 ms")
    assert (0, "") == (done.code, done.err)
