"""Deadlines: every call ends at its deadline."""

# ruff: noqa: S101, SIM300 - a suite asserts, expected value first
import asyncio

from shelfport.contracts.conformance.case import case
from shelfport.contracts.conformance.given import (
    GENEROUS,
    SOON,
    a_call,
    a_request,
    failure_of,
    stocked,
)
from shelfport.contracts.conformance.harness import Harness
from shelfport.contracts.conformance.trouble import Trouble
from shelfport.domain.model import DeadlineExceeded, FaultScope, ReachedService, UnavailableReason
from shelfport.ports import InventoryPort


class DeadlineCases:
    """`call.deadline`, for reads and initializations."""

    @case(lambda c: c.honours_deadline)
    async def test_a_read_whose_deadline_passed_is_not_made(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """The read raises `DeadlineExceeded`, the caller's fault; its request did not arrive."""
        asked = await stocked(harness, 1, 2)

        error = await failure_of(port.read(asked, a_call(harness, seconds=-1)))

        assert isinstance(error, DeadlineExceeded)
        assert FaultScope.CALLER == error.scope
        assert ReachedService.NO == error.reached_service

    @case(lambda c: c.honours_deadline and c.counts_requests)
    async def test_a_read_whose_deadline_passed_sends_no_request(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """The adapter sends no request after the deadline."""
        asked = await stocked(harness, 1, 2)

        await failure_of(port.read(asked, a_call(harness, seconds=-1)))

        assert 0 == harness.requests()

    @case(lambda c: c.honours_deadline and c.initializes)
    async def test_an_initialization_whose_deadline_passed_is_not_made(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """The initialization raises `DeadlineExceeded`, the caller's fault, and opens no record."""
        request = a_request()

        error = await failure_of(port.initialize(request, a_call(harness, seconds=-1)))

        assert isinstance(error, DeadlineExceeded)
        assert FaultScope.CALLER == error.scope
        assert ReachedService.NO == error.reached_service
        assert await harness.stored(request.variant_id) is None

    @case(lambda c: c.honours_deadline and c.can_stage(Trouble.HANG))
    async def test_a_read_ends_at_its_deadline(self, port: InventoryPort, harness: Harness) -> None:
        """A read that hangs ends at its deadline: neither earlier nor much later."""
        asked = await stocked(harness, 1, 2)
        await harness.cause(Trouble.HANG)
        began = harness.clock.monotonic()

        async with asyncio.timeout(SOON + GENEROUS):
            error = await failure_of(port.read(asked, a_call(harness, seconds=SOON)))

        assert UnavailableReason.TIMED_OUT == error.reason
        assert harness.clock.monotonic() - began >= SOON * 0.8

    @case(lambda c: c.honours_deadline and c.initializes and c.can_stage(Trouble.HANG))
    async def test_an_initialization_ends_at_its_deadline(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """An initialization that hangs ends at its deadline, and may have reached the service."""
        await harness.cause(Trouble.HANG)

        async with asyncio.timeout(SOON + GENEROUS):
            error = await failure_of(port.initialize(a_request(), a_call(harness, seconds=SOON)))

        assert ReachedService.NO != error.reached_service

    @case(lambda c: c.honours_deadline and c.can_stage(Trouble.SLOW))
    async def test_a_slow_answer_before_the_deadline_is_waited_for(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """A slow answer that arrives before the deadline is returned."""
        asked = await stocked(harness, 1, 2)
        await harness.cause(Trouble.SLOW)

        answers = await port.read(asked, a_call(harness))

        assert asked == list(answers)
