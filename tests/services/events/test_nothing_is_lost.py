"""Events with replicas killed and the bus restarted in the middle: none is lost.

At length (SHELFPORT_LONG=1) 20,000 events a bus, each bus a private server that is killed and
started again. Briefly, some hundred events over Redis, whose pending entries have to be claimed,
with one of two replicas killed. Kafka's mock cluster cannot be restarted: there, replicas alone are
killed.
"""

import asyncio
import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from shelfport import (
    InventoryBackInStock,
    InventoryEvent,
    InventoryLowStock,
    InventoryOutOfStock,
    ProductVariantId,
    StockStatus,
)
from shelfport.adapters.bus.opening import open_bus
from shelfport.adapters.events.publisher import message_of
from shelfport.ports.message_bus import REASON, Bus, Message
from tests.services.events.buses import BUSES, clean
from tests.services.events.crowd import DiskCatalog, Replicas, arguments_of, options_of
from tests.support.brokers import (
    Broker,
    mock_kafka,
    private_nats,
    private_rabbitmq,
    private_redis,
    running,
)
from tests.support.figures import Report
from tests.support.services import address_of, unique
from tests.support.values import an_id

LONG = os.environ.get("SHELFPORT_LONG") == "1"
EVENTS = 20_000 if LONG else 300
VARIANTS = EVENTS // 20
POISON = 20
REDELIVER_AFTER = 3.0 if LONG else 1.0
PATIENCE = 90.0
KINDS = (InventoryLowStock, InventoryOutOfStock, InventoryBackInStock)
SERVERS = {"rabbitmq": private_rabbitmq, "nats": private_nats, "redis": private_redis}
TOGETHER = {"kafka": 1}
"""Replicas at once, 2 unless said otherwise: the mock cluster refuses the second member of a group
whenever that one asks for its partitions after the first (SyncGroup: INVALID_REQUEST)."""
KILLS = {"rabbitmq": 6, "nats": 6, "redis": 6, "kafka": 2}
"""Replicas killed, at length. A Kafka group takes seconds to notice that one is gone."""


def history() -> list[InventoryEvent]:
    """Events of all variants in turn, each a little later than the one before."""
    start = datetime.now(UTC) - timedelta(hours=1)
    return [
        KINDS[(number // VARIANTS + number) % len(KINDS)](
            event_id=uuid4(),
            occurred_at=start + timedelta(milliseconds=number),
            variant_id=an_id(1 + number % VARIANTS),
        )
        for number in range(EVENTS)
    ]


def at_the_end(events: Sequence[InventoryEvent]) -> dict[ProductVariantId, StockStatus]:
    """The status of the last event of each variant."""
    return {event.variant_id: event.status for event in events}


def poison(number: int) -> Message:
    return Message(
        f"poison {number}".encode(), {"type": "InventoryLowStockEvent"}, "inventory.low-stock"
    )


def with_poison(events: Sequence[InventoryEvent]) -> list[Message]:
    messages = [message_of(event) for event in events]
    every = len(messages) // POISON
    for number in range(POISON):
        messages.insert(number * (every + 1), poison(number))
    return messages


async def publish(bus: Bus, messages: Sequence[Message]) -> None:
    """Publish all `messages` in order; one that may not have arrived is sent again."""
    at = 0
    while at < len(messages):
        try:
            async with bus.publisher() as publisher:
                while at < len(messages):
                    chunk = messages[at : at + 100]
                    async with asyncio.timeout(20):
                        await asyncio.gather(*map(publisher.publish, chunk))
                    at += len(chunk)
        except Exception:
            await asyncio.sleep(0.2)


async def take_dead_letters(bus: Bus, count: int) -> list[Message]:
    """All dead letters, once there are `count` different ones; they are replayed."""
    letters: list[Message] = []
    end = time.monotonic() + PATIENCE
    async with bus.dead_letters() as source:
        while (deliveries := await source.fetch(100)) or (
            len({letter.body for letter in letters}) < count and time.monotonic() < end
        ):
            letters += [delivery.message for delivery in deliveries]
            for delivery in deliveries:
                await delivery.ack()
    return letters


async def until(catalog: DiskCatalog, count: int) -> None:
    """Wait until that many events were handled."""
    end = time.monotonic() + PATIENCE
    while (handled := catalog.handled()[0]) < count:
        assert time.monotonic() < end, f"{handled} of {count} events were handled"
        await asyncio.sleep(0.1)


@contextmanager
def server(name: str, folder: Path) -> Iterator[tuple[str, Broker | None]]:
    """The URL of a bus, and its server, if the test may kill it."""
    if name == "kafka":
        with mock_kafka() as url:
            yield url, None
    elif LONG:
        with running(SERVERS[name](folder)) as broker:
            yield broker.url, broker
    else:
        yield address_of(BUSES[name]), None


@pytest.mark.parametrize("name", [*SERVERS, "kafka"] if LONG else ["redis"])
async def test_nothing_is_lost(name: str, tmp_path: Path, report: Report) -> None:
    """All events are handled, malformed ones are dead-lettered, and the catalog is right."""
    kills, prefix = KILLS[name] if LONG else 1, unique("t")
    async with AsyncExitStack() as stack:
        url, broker = stack.enter_context(server(name, tmp_path))
        if broker is None:
            stack.push_async_callback(clean, name, url, prefix)
        arguments = arguments_of(url, prefix, REDELIVER_AFTER)
        events, bus = history(), open_bus(options_of(arguments))
        catalog = DiskCatalog(tmp_path / "catalog.sqlite")
        stack.callback(catalog.close)
        replicas = Replicas(arguments, tmp_path / "catalog.sqlite")
        stack.callback(replicas.kill)
        async with bus.consumer_group():
            pass  # from here on the group's queue exists
        began = time.monotonic()
        replicas.start(TOGETHER.get(name, 2))
        publishing = asyncio.create_task(publish(bus, with_poison(events)))
        for kill in range(kills):
            await until(catalog, EVENTS * (kill + 1) // (kills + 2))
            replicas.kill_one()
            if LONG:
                replicas.start(1)
            if broker is not None and kill == kills // 2:
                broker.kill()
                await asyncio.sleep(1)
                await asyncio.to_thread(broker.start)
        await publishing
        await until(catalog, EVENTS)
        seconds = time.monotonic() - began
        letters = await take_dead_letters(bus, POISON)  # the last one may be delivered last
        codes = await asyncio.to_thread(replicas.end)
        distinct, total = catalog.handled()
        restarted = "" if broker is None else ", the bus killed and started again"
        report(
            f"{distinct} of {EVENTS} events handled in {seconds:.1f} s, {kills} replicas "
            f"killed{restarted}; {total - distinct} redeliveries reached the handler; "
            f"{len({m.body for m in letters})} of {POISON} poison messages dead-lettered"
        )

        assert (EVENTS, at_the_end(events)) == (distinct, catalog.shown())
        assert {poison(n).body for n in range(POISON)} == {m.body for m in letters}
        assert all("malformed" in letter.headers[REASON] for letter in letters)
        assert {0, -signal.SIGTERM} >= set(codes)  # the younger process may not have started yet
