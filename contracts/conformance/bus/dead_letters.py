"""Dead letters: messages that cannot be handled wait for a person, and can be put back."""

# ruff: noqa: S101, SIM300 - a suite asserts, expected value first
import asyncio
import time

from shelfport.contracts.conformance.bus.given import (
    CHANNELS,
    PATIENCE,
    a_dead_letter,
    a_message,
    acknowledged,
    bodies,
    letters,
    taken,
)
from shelfport.contracts.conformance.bus.harness import BusHarness
from shelfport.contracts.conformance.port_suite import port_case
from shelfport.ports import Delivery
from shelfport.ports.message_bus import REASON


class DeadLetterCases:
    """`Delivery.dead_letter` and `Bus.dead_letters`."""

    @port_case()
    async def test_a_dead_letter_has_its_reason(self, harness: BusHarness) -> None:
        """A dead letter is the message, with the reason in the header `REASON`."""
        await a_dead_letter(harness, a_message(b"\x00\xff"), "malformed at $.eventId")

        async with harness.bus().dead_letters() as source:
            [letter] = await letters(source)

        assert b"\x00\xff" == letter.message.body
        assert "malformed at $.eventId" == letter.message.headers.get(REASON)

    @port_case()
    async def test_a_dead_letter_leaves_the_group(self, harness: BusHarness) -> None:
        """The consumer group does not get it again."""
        await a_dead_letter(harness, a_message(), "no")

        async with harness.bus().consumer_group() as source:
            assert [] == await taken(source)

    @port_case()
    async def test_dead_letters_come_to_an_end(self, harness: BusHarness) -> None:
        """A fetch returns each once, then none."""
        messages = [a_message() for _ in range(3)]
        for message in messages:
            await a_dead_letter(harness, message, "no")

        async with harness.bus().dead_letters() as source:
            found = await letters(source)

        assert [message.body for message in messages] == bodies(found)

    @port_case()
    async def test_a_dead_letter_that_is_only_looked_at_stays(self, harness: BusHarness) -> None:
        """Without `ack` it comes again: at once, or when the bus gives out messages again."""
        await a_dead_letter(harness, a_message(), "no")
        async with harness.bus().dead_letters() as source:
            await letters(source)

        found: list[Delivery] = []
        until = time.monotonic() + PATIENCE
        while not found and time.monotonic() < until:
            await asyncio.sleep(0.1)
            async with harness.bus().dead_letters() as source:
                found = await letters(source)

        assert 1 == len(found), "the dead letter is lost"

    @port_case()
    async def test_an_acknowledged_dead_letter_goes_back(self, harness: BusHarness) -> None:
        """`ack` puts it back into the group's queue with its channel, and no reason."""
        sent = [a_message(channel=channel) for channel in CHANNELS]
        for message in sent:
            await a_dead_letter(harness, message, "no")
        async with harness.bus().dead_letters() as source:
            for letter in await letters(source):
                await letter.ack()

        async with harness.bus().consumer_group() as source:
            again = [delivery.message for delivery in await acknowledged(source, len(sent))]
        expected = {message.body: (message.channel, "") for message in sent}
        assert expected == {m.body: (m.channel, m.headers.get(REASON, "")) for m in again}

    @port_case()
    async def test_a_replayed_dead_letter_is_gone(self, harness: BusHarness) -> None:
        """After its `ack` it is no dead letter any more, and is delivered once."""
        await a_dead_letter(harness, a_message(), "no")
        async with harness.bus().dead_letters() as source:
            [letter] = await letters(source)
            await letter.ack()

        async with harness.bus().dead_letters() as source:
            assert [] == await letters(source)
        async with harness.bus().consumer_group() as source:
            await acknowledged(source, 1)
            assert [] == await taken(source)
