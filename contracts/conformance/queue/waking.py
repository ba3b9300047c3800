"""Waking: a worker waits for the next entry without asking all the time."""

# ruff: noqa: S101 - a suite asserts
import asyncio
import time
from collections.abc import Awaitable, Callable

from shelfport.contracts.conformance.port_suite import port_case
from shelfport.contracts.conformance.queue.given import (
    an_entry,
    claimed_one,
    queue_case,
    queued,
)
from shelfport.contracts.conformance.queue.harness import QueueHarness
from shelfport.contracts.conformance.running import in_another_loop
from shelfport.ports import InitializationQueue

_LONG = 20.0
_SOON = 5.0


class WakingCases:
    """`wake` and `wait`."""

    @queue_case()
    async def test_a_new_entry_ends_a_wait(self, queue: InitializationQueue) -> None:
        """Storing an entry ends the wait of a worker in this process."""
        await _ends_soon(queue, lambda: queued(queue, an_entry()))

    @queue_case()
    async def test_a_wake_ends_a_wait(self, queue: InitializationQueue) -> None:
        """`wake` ends a wait that has begun."""

        async def wake() -> None:
            queue.wake()

        await _ends_soon(queue, wake)

    @queue_case()
    async def test_an_early_wake_ends_the_next_wait(self, queue: InitializationQueue) -> None:
        """`wake` without a waiter ends the next wait at once."""
        queue.wake()

        await asyncio.wait_for(queue.wait(_LONG), _SOON)

    @queue_case()
    async def test_a_wait_ends_by_itself(self, queue: InitializationQueue) -> None:
        """Without a wake-up, a wait ends after its length, and not at once each time."""
        began = time.monotonic()
        for _ in range(3):  # a hint from outside may end one of them
            await asyncio.wait_for(queue.wait(0.1), _SOON)

        assert time.monotonic() - began >= 0.09, "it did not wait"

    @port_case()
    async def test_it_can_be_opened_in_another_event_loop(self, harness: QueueHarness) -> None:
        """A client that was closed stores, claims and wakes in the next event loop as well."""
        queue = harness.queue()

        async def use() -> None:
            async with queue:
                await _ends_soon(queue, lambda: queued(queue, an_entry()))
                assert await queue.complete(await claimed_one(queue))

        await in_another_loop(use())
        await use()


async def _ends_soon(queue: InitializationQueue, cause: Callable[[], Awaitable[object]]) -> None:
    """Fail if a wait does not end soon after `cause`."""
    for _ in range(10):
        waiting = asyncio.create_task(queue.wait(_LONG))
        done, _ = await asyncio.wait([waiting], timeout=0.1)
        if not done:
            break
        waiting.result()  # a hint from outside ended it, or an error, which is raised here
    assert not waiting.done(), "the wait ends again and again without a cause"
    await cause()
    done, _ = await asyncio.wait([waiting], timeout=_SOON)
    waiting.cancel()

    assert done, "the wait did not end"
