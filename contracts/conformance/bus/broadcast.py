"""The broadcast: every message from now on, for each replica."""

# ruff: noqa: S101, SIM300 - a suite asserts, expected value first
from shelfport.contracts.conformance.bus.given import (
    CHANNELS,
    HEADERS,
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


class BroadcastCases:
    """`Bus.broadcast`."""

    @port_case(lambda suite: suite.many_replicas)
    async def test_every_replica_gets_a_broadcast(self, harness: BusHarness) -> None:
        """Each of two replicas gets each message."""
        bus = harness.bus()
        async with bus.broadcast() as first, harness.bus().broadcast() as second:
            sent = await publish(bus, *(a_message() for _ in range(3)))

            assert sent == bodies(await fetched(first, 3))
            assert sent == bodies(await fetched(second, 3))

    @port_case()
    async def test_a_broadcast_arrives_as_it_was_sent(self, harness: BusHarness) -> None:
        """Body, headers and channel are those of the message."""
        bus = harness.bus()
        async with bus.broadcast() as source:
            for channel in CHANNELS:
                await publish(bus, a_message(b"\x00\xff", channel))
                [delivery] = await acknowledged(source, 1)
                message = delivery.message
                assert (b"\x00\xff", channel) == (message.body, message.channel)
                assert set(HEADERS.items()) <= set(message.headers.items())

    @port_case()
    async def test_a_broadcast_begins_now(self, harness: BusHarness) -> None:
        """Messages from before the subscription do not come."""
        bus = harness.bus()
        await with_group(bus)
        await publish(bus, a_message())

        async with bus.broadcast() as source:
            later = await publish(bus, a_message())
            assert later == bodies(await fetched(source, 1))
            assert [] == await taken(source)

    @port_case()
    async def test_a_broadcast_takes_nothing_from_the_group(self, harness: BusHarness) -> None:
        """The consumer group gets every message as well."""
        bus = harness.bus()
        async with bus.consumer_group() as group, bus.broadcast() as source:
            sent = await publish(bus, *(a_message() for _ in range(3)))

            assert sent == bodies(await acknowledged(source, 3))
            assert sent == bodies(await acknowledged(group, 3))
