"""Events with replicas killed and the bus restarted in the middle: none is lost.

At length (SHELFPORT_LONG=1) 20,000 events a bus, each bus a private server that is killed and
started again; briefly, some hundred events with one replica killed. Kafka's mock cluster cannot be
restarted: there, replicas alone are killed.
"""

import asyncio
import os
import signal
import time
from collections.abc import Sequence
from contextlib import ExitStack
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
from shelfport.adapters.bus.announcing import message_of
from shelfport.adapters.bus.bus import REASON, Bus, Message
from shelfport.adapters.bus.opening import open_bus
from tests.services.events.crowd import DiskCatalog, Replicas, options_of
from tests.support.brokers import (
    Broker,
    mock_kafka,
    private_nats,
    private_rabbitmq,
    private_redis,
    running,
)
from tests.support.figures import Report
from tests.support.values import an_id

LONG = os.environ.get("SHELFPORT_LONG") == "1"
EVENTS = 20_000 if LONG else 400
VARIANTS = EVENTS // 20
POISON = 20
KILLS = 6 if LONG else 1
REDELIVER_AFTER = 3.0
PATIENCE = 90.0
KINDS = (InventoryLowStock, InventoryOutOfStock, InventoryBackInStock)
SERVERS = {"rabbitmq": private_rabbitmq, "nats": private_nats, "redis": private_redis}


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
    """What the last event of each variant says."""
    return {event.variant_id: event.status for event in events}


def poison(number: int) -> Message:
    return Message(f"poison {number}".encode(), {"type": "InventoryLowStockEvent"}, "inventory.low-stock")


def with_poison(events: Sequence[InventoryEvent]) -> list[Message]:
    messages = [message_of(event) for event in events]
    every = len(messages) // POISON
    for number in range(POISON):
        messages.insert(number * (every + 1), poison(number))
    return messages


async def publish(bus: Bus, messages: Sequence[Message]) -> None:
    """Publish all of `messages`, in their order; what may not have arrived is sent again."""
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


async def take_dead_letters(bus: Bus) -> list[Message]:
    """All dead letters; they are gone afterwards."""
    letters: list[Message] = []
    async with bus.dead_letters() as source:
        while deliveries := await source.fetch(100):
            letters += [delivery.message for delivery in deliveries]
            for delivery in deliveries:
                await delivery.done()
    return letters


async def until(catalog: DiskCatalog, count: int) -> None:
    """Wait until so many events were handled."""
    end = time.monotonic() + PATIENCE
    while (handled := catalog.handled()[0]) < count:
        assert time.monotonic() < end, f"{handled} of {count} events were handled"
        await asyncio.sleep(0.1)


@pytest.mark.parametrize("name", [*SERVERS, "kafka"])
async def test_nothing_is_lost(name: str, tmp_path: Path, report: Report) -> None:
    """Every event is handled, the catalogue ends as if each had come once and in order, and what
    is no event is dead-lettered, though replicas are killed and the bus is restarted."""
    with ExitStack() as stack:
        broker: Broker | None = None
        if name == "kafka":
            url = stack.enter_context(mock_kafka())
        else:
            broker = stack.enter_context(running(SERVERS[name](tmp_path)))
            url = broker.url
        # As JSON, as the replicas get it.
        options = options_of(f'{{"url": "{url}", "redeliver_after": {REDELIVER_AFTER}}}')
        events, bus = history(), open_bus(options)
        catalog = DiskCatalog(tmp_path / "catalogue.sqlite")
        stack.callback(catalog.close)
        replicas = Replicas(options, tmp_path / "catalogue.sqlite")
        stack.callback(replicas.kill)
        async with bus.work():
            pass  # from here on the group's queue is there
        began = time.monotonic()
        replicas.start(2)
        publishing = asyncio.create_task(publish(bus, with_poison(events)))
        for kill in range(KILLS):
            await until(catalog, EVENTS * (kill + 1) // (KILLS + 2))
            replicas.start(1)
            replicas.kill_one()
            if LONG and broker is not None and kill == KILLS // 2:
                broker.kill()
                await asyncio.sleep(1)
                await asyncio.to_thread(broker.start)
        await publishing
        await until(catalog, EVENTS)
        seconds = time.monotonic() - began
        codes = await asyncio.to_thread(replicas.end)
        letters = await take_dead_letters(bus)
        distinct, total = catalog.handled()
        restarted = "" if broker is None or not LONG else ", the bus killed and started again"
        report(
            f"{distinct} of {EVENTS} events handled in {seconds:.1f} s, {KILLS} of "
            f"{KILLS + 2} replicas killed{restarted}; {total - distinct} redeliveries reached the "
            f"handler; {len({m.body for m in letters})} of {POISON} poison messages dead-lettered"
        )

        assert (EVENTS, at_the_end(events)) == (distinct, catalog.shown())
        assert {poison(n).body for n in range(POISON)} == {m.body for m in letters}
        assert all("malformed" in letter.headers[REASON] for letter in letters)
        assert {0, -signal.SIGTERM} >= set(codes)  # the younger one may not be up yet
