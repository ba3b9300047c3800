"""Connections: a constructor that does nothing, and an end that leaves nothing."""

# ruff: noqa: S101, SIM300 - a suite asserts, expected value first
import asyncio
from contextlib import AsyncExitStack

from shelfport.contracts.conformance.bus.given import (
    PATIENCE,
    a_message,
    acknowledged,
    bodies,
    fetched,
    publish,
    with_group,
)
from shelfport.contracts.conformance.bus.harness import BusHarness
from shelfport.contracts.conformance.io_watch import watched_io
from shelfport.contracts.conformance.port_suite import always, chosen_by, port_case
from shelfport.contracts.conformance.raising import raises
from shelfport.contracts.conformance.running import in_another_loop
from shelfport.ports import Source


class ConnectionCases:
    """The life of a bus and of its connections."""

    @chosen_by(always)
    def test_constructing_it_does_no_io(self, harness: BusHarness) -> None:
        """The constructor needs no event loop, and opens no file and no connection."""
        harness.bus()  # imports its modules
        with watched_io() as seen:
            harness.bus()

        assert [] == seen

    @port_case()
    async def test_its_name_has_no_credentials(self, harness: BusHarness) -> None:
        """`name` and `repr` say which bus it is, and nothing that is secret."""
        bus = harness.bus()

        assert bus.name.strip()
        if harness.secret is not None:
            assert harness.secret not in f"{bus.name} {bus!r}"

    @port_case()
    async def test_it_can_be_opened_again(self, harness: BusHarness) -> None:
        """One bus opens one connection after the other."""
        bus = harness.bus()
        for _ in range(3):
            async with bus.consumer_group() as source, bus.broadcast():
                await publish(bus, a_message())
                await acknowledged(source, 1)

    @port_case()
    async def test_it_can_be_opened_in_another_event_loop(self, harness: BusHarness) -> None:
        """One bus opens connections in one event loop after another."""
        bus = harness.bus()

        async def use() -> None:
            async with bus.consumer_group() as source, bus.broadcast() as broadcast:
                sent = await publish(bus, a_message())
                assert sent == bodies(await acknowledged(source, 1))
                assert sent == bodies(await fetched(broadcast, 1))

        await in_another_loop(use())
        await use()

    @port_case(lambda suite: suite.cuts)
    async def test_a_broken_connection_raises(self, harness: BusHarness) -> None:
        """A source whose connection is broken raises, so that another one is opened."""
        bus = harness.bus()
        async with AsyncExitStack() as opened:
            sources = [
                await opened.enter_async_context(bus.consumer_group()),
                await opened.enter_async_context(bus.broadcast()),
            ]
            await harness.cut()
            raised = [await _raises_in_the_end(source) for source in sources]
            # Closing a broken connection may raise as well.
            await raises(opened.aclose())

        assert [True, True] == raised, "fetch goes on without a connection"

    @port_case()
    async def test_it_leaves_no_task_behind(self, harness: BusHarness) -> None:
        """The tasks of a connection have ended when it was left."""
        bus = harness.bus()
        await with_group(bus)
        before = asyncio.all_tasks()
        async with bus.consumer_group() as source, bus.broadcast() as broadcast:
            await publish(bus, a_message())
            await acknowledged(source, 1)
            await broadcast.fetch(1)
        left = asyncio.all_tasks() - before
        if left:  # cancelled tasks end here
            await asyncio.wait(left, timeout=2)

        assert set() == {task for task in left if not task.done()}


async def _raises_in_the_end(source: Source) -> bool:
    """Whether a fetch raises, now or after a while."""
    async with asyncio.timeout(PATIENCE):
        for _ in range(20):
            if await raises(source.fetch(10)):
                return True
    return False
