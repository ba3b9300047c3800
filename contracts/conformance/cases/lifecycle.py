"""Lifecycle: no I/O in the constructor, no tasks after the exit."""

# ruff: noqa: S101, SIM300 - a suite asserts, expected value first
import asyncio

import pytest

from shelfport.contracts.conformance.case import case_without_adapter, chosen_by
from shelfport.contracts.conformance.given import a_call, quantities_of, stocked
from shelfport.contracts.conformance.harness import Harness
from shelfport.contracts.conformance.io_watch import watched_io


class LifecycleCases:
    """An adapter is entered once, before the first call, and left after the last."""

    @chosen_by(lambda c: c.holds_resources)
    def test_constructing_it_does_no_io(self, harness: Harness) -> None:
        """The constructor needs no event loop, and opens no file and no connection."""
        harness.unopened()  # imports its modules
        with watched_io() as seen:
            harness.unopened()

        assert [] == seen

    @case_without_adapter(lambda c: c.holds_resources)
    async def test_it_is_an_async_context_manager(self, harness: Harness) -> None:
        """An adapter that holds resources is an async context manager."""
        port = harness.unopened()

        assert hasattr(type(port), "__aenter__")
        assert hasattr(type(port), "__aexit__")

    @case_without_adapter(lambda c: c.holds_resources)
    async def test_a_call_before_it_is_entered_is_refused(self, harness: Harness) -> None:
        """A call before the entry raises at once, and opens nothing."""
        asked = await stocked(harness, 1)

        with pytest.raises(Exception, match=r"\w"):
            await harness.unopened().read(asked, a_call(harness))

    @case_without_adapter()
    async def test_one_after_the_other_can_be_opened(self, harness: Harness) -> None:
        """Adapters that are opened one after the other read the same stock."""
        asked = await stocked(harness, 1, 2)
        for _ in range(3):
            async with harness.adapter() as port:
                answers = await port.read(asked, a_call(harness))
                assert [1, 2] == quantities_of(answers, asked)

    @case_without_adapter()
    async def test_it_leaves_no_task_behind(self, harness: Harness) -> None:
        """The adapter ends its tasks at its exit, also those of cancelled callers."""
        asked = await stocked(harness, 1, 2)
        before = asyncio.all_tasks()
        async with harness.adapter() as port:
            await port.read(asked, a_call(harness))
            caller = asyncio.create_task(port.read(asked, a_call(harness, max_staleness=0)))
            await asyncio.sleep(0)
            caller.cancel()
            await asyncio.wait([caller])
        for _ in range(3):
            await asyncio.sleep(0)  # cancelled tasks end here

        assert set() == asyncio.all_tasks() - before
