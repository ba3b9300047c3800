"""`NotifierConformance`: all cases of a notifier."""

# ruff: noqa: S101, SIM300 - a suite asserts, expected value first
import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import ClassVar
from uuid import uuid4

from shelfport.contracts.conformance.io_watch import watched_io
from shelfport.contracts.conformance.notifier.harness import NotifierHarness
from shelfport.contracts.conformance.port_suite import PortSuite, always, chosen_by, port_case
from shelfport.contracts.conformance.raising import raises
from shelfport.contracts.conformance.running import in_another_loop
from shelfport.domain.model import (
    InventoryBackInStock,
    InventoryEvent,
    InventoryLowStock,
    InventoryOutOfStock,
    variant_id,
)
from shelfport.ports import Notifier

KINDS: tuple[type[InventoryEvent], ...] = (
    InventoryOutOfStock,
    InventoryLowStock,
    InventoryBackInStock,
)
_LONGEST_BLOCK = 0.5
"""Seconds for which a notifier may keep the event loop at most; the machine may be loaded."""


class NotifierConformance(PortSuite):
    """Every obligation of `Notifier`, one case each.

    A subclass defines the fixture `harness`, which returns a `NotifierHarness`::

        class TestMyChat(NotifierConformance):
            @pytest.fixture
            def harness(self) -> MyChatHarness:
                return MyChatHarness()
    """

    fails: ClassVar[bool] = False
    """`NotifierHarness.fail` makes the receiver refuse everything."""
    hangs: ClassVar[bool] = False
    """`NotifierHarness.hang` makes the receiver answer nothing."""

    @chosen_by(always)
    def test_constructing_it_does_no_io(self, harness: NotifierHarness) -> None:
        """The constructor needs no event loop, and opens no file and no connection."""
        harness.notifier()  # imports its modules
        with watched_io() as seen:
            harness.notifier()

        assert [] == seen

    @port_case()
    async def test_it_has_the_methods_of_the_port(self, harness: NotifierHarness) -> None:
        """A dependency injection that checks types accepts it as a `Notifier`."""
        assert isinstance(harness.notifier(), Notifier)

    @port_case()
    async def test_every_kind_of_event_is_sent(self, harness: NotifierHarness) -> None:
        """The receiver has one notification of each event when `notify` has returned."""
        async with _opened(harness.notifier()) as notifier:
            for number, kind in enumerate(KINDS, 1):
                await notifier.notify(_event(kind))
                assert number == len(harness.received()), f"{kind.__name__} was not received"

    @port_case()
    async def test_a_repeated_event_is_accepted(self, harness: NotifierHarness) -> None:
        """The same event may come again, and so it may after another one."""
        event = _event()
        async with _opened(harness.notifier()) as notifier:
            await notifier.notify(event)
            await notifier.notify(event)
            await notifier.notify(_event())
            await notifier.notify(event)

        assert len(harness.received()) >= 2

    @port_case()
    async def test_an_event_is_repeated_after_a_restart(self, harness: NotifierHarness) -> None:
        """Another process may send the same event, after a crash of the first one."""
        event = _event()
        for _ in range(2):
            async with _opened(harness.notifier()) as notifier:
                await notifier.notify(event)

        assert harness.received()

    @port_case()
    async def test_a_reference_of_any_type_is_accepted(self, harness: NotifierHarness) -> None:
        """`host_id` is what the host's mapper returns: text, a number, an object, or None."""
        references: tuple[object, ...] = ("SKU-1", 17, uuid4(), object(), None)
        async with _opened(harness.notifier()) as notifier:
            for reference in references:
                await notifier.notify(_event(host_id=reference))

        assert len(references) == len(harness.received())

    @port_case()
    async def test_events_are_sent_at_the_same_time(self, harness: NotifierHarness) -> None:
        """Several tasks use one notifier, and every event is received."""
        async with _opened(harness.notifier()) as notifier:
            await asyncio.gather(*(notifier.notify(_event()) for _ in range(10)))

        assert 10 == len(harness.received())

    @port_case()
    async def test_the_event_loop_is_not_blocked(self, harness: NotifierHarness) -> None:
        """Other tasks run while a notification is sent."""
        longest = 0.0

        async def watch() -> None:
            nonlocal longest
            while True:
                began = time.monotonic()
                await asyncio.sleep(0.001)
                longest = max(longest, time.monotonic() - began)

        async with _opened(harness.notifier()) as notifier:
            await notifier.notify(_event())  # imports, and opens its first connection
            watching = asyncio.create_task(watch())
            await asyncio.sleep(0)
            await notifier.notify(_event())
            await asyncio.sleep(0.005)
            watching.cancel()

        assert longest < _LONGEST_BLOCK, f"the event loop stood still for {longest:.2f} s"

    @port_case(lambda suite: suite.fails)
    async def test_a_failure_raises(self, harness: NotifierHarness) -> None:
        """An event that the receiver did not take raises, so that it is tried again."""
        async with _opened(harness.notifier()) as notifier:
            await harness.fail(True)

            assert await raises(notifier.notify(_event())), "the event is lost in silence"

    @port_case(lambda suite: suite.fails)
    async def test_an_event_is_sent_after_a_failure(self, harness: NotifierHarness) -> None:
        """An event that failed is sent when it comes again, by the same notifier."""
        event = _event()
        async with _opened(harness.notifier()) as notifier:
            await harness.fail(True)
            await raises(notifier.notify(event))
            await harness.fail(False)
            before = len(harness.received())

            await notifier.notify(event)

        assert before + 1 == len(harness.received())

    @port_case(lambda suite: suite.hangs)
    async def test_cancellation_ends_it(self, harness: NotifierHarness) -> None:
        """A notification that is cut off ends at once, and with the cancellation."""
        async with _opened(harness.notifier()) as notifier:
            await harness.hang()
            sending = asyncio.create_task(notifier.notify(_event()))
            await asyncio.sleep(0.1)
            sending.cancel()
            await asyncio.wait([sending], timeout=5)

            assert sending.done(), "it goes on after its cancellation"
            assert sending.cancelled(), "it swallowed its cancellation"

    @port_case()
    async def test_it_can_be_used_in_another_event_loop(self, harness: NotifierHarness) -> None:
        """One notifier sends in one event loop after another, opened anew in each."""
        notifier = harness.notifier()

        async def use() -> None:
            async with _opened(notifier):
                await notifier.notify(_event())

        await in_another_loop(use())
        await use()

        assert 2 == len(harness.received())

    @port_case()
    async def test_it_leaves_no_task_behind(self, harness: NotifierHarness) -> None:
        """Its tasks have ended when it was left."""
        before = asyncio.all_tasks()
        async with _opened(harness.notifier()) as notifier:
            await notifier.notify(_event())
        left = asyncio.all_tasks() - before
        if left:  # cancelled tasks end here, and those of a receiver in this process
            await asyncio.wait(left, timeout=1)

        assert set() == {task for task in left if not task.done()}


@asynccontextmanager
async def _opened(notifier: Notifier) -> AsyncIterator[Notifier]:
    """`notifier`, entered if it is an async context manager."""
    async with AsyncExitStack() as opened:
        if isinstance(notifier, AbstractAsyncContextManager):
            await opened.enter_async_context(notifier)
        yield notifier


def _event(
    kind: type[InventoryEvent] = InventoryOutOfStock, *, host_id: object = None
) -> InventoryEvent:
    return kind(
        event_id=uuid4(),
        occurred_at=datetime(2026, 1, 1, tzinfo=UTC),
        variant_id=variant_id(uuid4()),
        host_id=host_id,
    )
