"""The consumer group: each message goes to one replica, until it is acknowledged."""

# ruff: noqa: S101, SIM300 - a suite asserts, expected value first
import asyncio
import time

from shelfport.contracts.conformance.bus.given import (
    CHANNELS,
    HEADERS,
    PATIENCE,
    a_message,
    acknowledged,
    bodies,
    fetched,
    publish,
    taken,
    with_group,
)
from shelfport.contracts.conformance.bus.harness import BusHarness
from shelfport.contracts.conformance.port_suite import port_case
from shelfport.ports import Delivery, Source


class GroupCases:
    """`Bus.consumer_group`, `Source.fetch` and `Delivery.ack`."""

    @port_case()
    async def test_a_message_arrives_as_it_was_sent(self, harness: BusHarness) -> None:
        """The body to the byte, and the headers under names in lower case."""
        bus = harness.bus()
        async with bus.consumer_group() as source:
            await publish(bus, a_message(b'{"a": "\xc5\xa1"}\x00\xff'))
            [delivery] = await acknowledged(source, 1)

        message = delivery.message
        assert b'{"a": "\xc5\xa1"}\x00\xff' == message.body
        assert set(HEADERS.items()) <= set(message.headers.items())

    @port_case()
    async def test_a_message_names_its_channel(self, harness: BusHarness) -> None:
        """The channel is the address of the contract, without a prefix."""
        bus = harness.bus()
        async with bus.consumer_group() as source:
            sent = {channel: a_message(channel=channel) for channel in CHANNELS}
            await publish(bus, *sent.values())
            deliveries = await acknowledged(source, len(sent))

        assert {message.body: channel for channel, message in sent.items()} == {
            delivery.message.body: delivery.message.channel for delivery in deliveries
        }

    @port_case()
    async def test_messages_with_one_key_stay_in_order(self, harness: BusHarness) -> None:
        """Messages of one channel and one key come in the order in which they were sent."""
        bus = harness.bus()
        async with bus.consumer_group() as source:
            sent = await publish(bus, *(a_message() for _ in range(12)))
            deliveries = await fetched(source, 12, most=5)
            for delivery in deliveries:
                await delivery.ack()

        assert sent == bodies(deliveries)

    @port_case()
    async def test_a_fetch_is_limited(self, harness: BusHarness) -> None:
        """A fetch returns at most as many messages as it was asked for, and loses no other."""
        bus = harness.bus()
        async with bus.consumer_group() as source:
            sent = await publish(bus, *(a_message() for _ in range(5)))
            found: list[Delivery] = []
            while len(found) < 5:
                deliveries = await source.fetch(2)
                assert len(deliveries) <= 2, "fetch(2) returned more than 2 messages"
                found.extend(deliveries)
            for delivery in found:
                await delivery.ack()

        assert sorted(sent) == sorted(bodies(found))

    @port_case()
    async def test_a_fetch_without_messages_ends(self, harness: BusHarness) -> None:
        """A fetch waits a moment for a first message, and then returns none."""
        async with harness.bus().consumer_group() as source:
            await source.fetch(10)
            began = time.monotonic()

            assert [] == list(await source.fetch(10))

        assert time.monotonic() - began < 5, "FETCH_WAIT is far shorter"

    @port_case()
    async def test_a_message_ends_the_wait_of_a_fetch(self, harness: BusHarness) -> None:
        """A message that comes later is fetched without reconnecting."""
        bus = harness.bus()
        async with bus.consumer_group() as source:
            waiting = asyncio.create_task(acknowledged(source, 1))
            await asyncio.sleep(0.05)
            sent = await publish(bus, a_message())

            assert sent == bodies(await waiting)

    @port_case()
    async def test_an_acknowledged_message_is_gone(self, harness: BusHarness) -> None:
        """It is delivered once, also when the subscription is opened again."""
        bus = harness.bus()
        async with bus.consumer_group() as source:
            await publish(bus, a_message())
            await acknowledged(source, 1)
            assert [] == await taken(source)

        assert [] == await _after_a_while(harness)

    @port_case()
    async def test_a_message_comes_again_without_its_acknowledgement(
        self, harness: BusHarness
    ) -> None:
        """A message of a replica that ended is delivered to another one."""
        bus = harness.bus()
        async with bus.consumer_group() as source:
            sent = await publish(bus, a_message())
            await fetched(source, 1)

        async with harness.bus().consumer_group() as source:
            assert sent == bodies(await acknowledged(source, 1))

    @port_case(lambda suite: suite.counts_deliveries)
    async def test_deliveries_are_counted(self, harness: BusHarness) -> None:
        """The first delivery is 1, and the next one more."""
        bus = harness.bus()
        async with bus.consumer_group() as source:
            await publish(bus, a_message())
            [first] = await fetched(source, 1)
        async with harness.bus().consumer_group() as source:
            [second] = await acknowledged(source, 1)

        assert [1, 2] == [first.delivery_count, second.delivery_count]

    @port_case(lambda suite: suite.many_replicas)
    async def test_a_message_goes_to_one_replica(self, harness: BusHarness) -> None:
        """Of two replicas one gets each message, and together they get all."""
        bus = harness.bus()
        async with bus.consumer_group() as first, harness.bus().consumer_group() as second:
            sent = await publish(bus, *(a_message() for _ in range(10)))
            found: list[Delivery] = []

            async def work(source: Source) -> None:
                while len(found) < len(sent):
                    for delivery in await source.fetch(1):
                        await delivery.ack()
                        found.append(delivery)

            await asyncio.wait_for(asyncio.gather(work(first), work(second)), PATIENCE)
            more = [*await taken(first), *await taken(second)]

        assert sorted(sent) == sorted(bodies([*found, *more]))

    @port_case()
    async def test_messages_wait_for_the_group(self, harness: BusHarness) -> None:
        """Once a replica has subscribed, the bus keeps messages while none is connected."""
        bus = harness.bus()
        await with_group(bus)
        sent = await publish(bus, *(a_message() for _ in range(3)))

        async with harness.bus().consumer_group() as source:
            assert sorted(sent) == sorted(bodies(await acknowledged(source, 3)))


async def _after_a_while(harness: BusHarness) -> list[Delivery]:
    """What a replica that subscribes later gets."""
    async with harness.bus().consumer_group() as source:
        return await taken(source)
