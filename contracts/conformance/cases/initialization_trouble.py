"""Initialization in trouble: whether a record may have been opened."""

# ruff: noqa: S101, SIM300 - a suite asserts, expected value first
import asyncio

from shelfport.contracts.conformance.capabilities import Capabilities
from shelfport.contracts.conformance.case import case, case_of_trouble
from shelfport.contracts.conformance.given import (
    CORRELATION_ID,
    SOON,
    a_call,
    a_request,
    failure_of,
    item_of,
)
from shelfport.contracts.conformance.harness import Harness
from shelfport.contracts.conformance.trouble import FAILING, OUTAGES, QUICK, SLOW_BY, Trouble
from shelfport.domain.model import (
    FaultScope,
    InitialStock,
    InventoryError,
    InventoryItem,
    Operation,
    ReachedService,
)
from shelfport.ports import InventoryPort


def _seconds(trouble: Trouble) -> float:
    return SOON if trouble is Trouble.HANG else 1.0


def _initializes(capabilities: Capabilities) -> bool:
    return capabilities.initializes


def _repeats(capabilities: Capabilities) -> bool:
    return capabilities.initializes and capabilities.remembers_keys


class InitializationTroubleCases:
    """The "Raises" of `InventoryPort.initialize`."""

    @case_of_trouble(QUICK, _initializes)
    async def test_an_initialization_in_trouble_raises_an_inventory_error(
        self, port: InventoryPort, harness: Harness, trouble: Trouble
    ) -> None:
        """It raises an `InventoryError`, and reports no success."""
        await harness.cause(trouble)

        error = await failure_of(port.initialize(a_request(), a_call(harness, seconds=1)))

        assert str(error), "an error says in a sentence what happened"

    @case_of_trouble(FAILING, lambda c: c.initializes and c.describes_errors)
    async def test_an_error_of_an_initialization_says_what_it_is_about(
        self, port: InventoryPort, harness: Harness, trouble: Trouble
    ) -> None:
        """The error carries the operation, the variant, and the caller's correlation id."""
        request = a_request()
        await harness.cause(trouble)

        error = await failure_of(
            port.initialize(request, a_call(harness, seconds=_seconds(trouble)))
        )

        assert Operation.INITIALIZE == error.operation
        assert (request.variant_id,) == tuple(error.ids)
        assert CORRELATION_ID == error.correlation_id

    @case_of_trouble(QUICK, _initializes)
    async def test_it_says_no_only_if_nothing_arrived(
        self, port: InventoryPort, harness: Harness, trouble: Trouble
    ) -> None:
        """`reached_service` is NO only if no record was opened: a host relies on it."""
        request = a_request()
        await harness.cause(trouble)

        error = await failure_of(port.initialize(request, a_call(harness, seconds=1)))

        if error.reached_service is ReachedService.NO:
            assert trouble in {Trouble.UNREACHABLE, Trouble.UNAUTHORIZED}, "the request arrived"
            assert await harness.stored(request.variant_id) is None

    @case_of_trouble(OUTAGES - {Trouble.GARBAGE}, _initializes)
    async def test_an_outage_is_no_fault_of_the_record(
        self, port: InventoryPort, harness: Harness, trouble: Trouble
    ) -> None:
        """The scope of the error is SERVICE or PATH, so that a queued request waits for its end."""
        await harness.cause(trouble)

        error = await failure_of(port.initialize(a_request(), a_call(harness, seconds=1)))

        assert error.scope.of_service, f"the scope of {error!r} is {error.scope.name}"

    @case(lambda c: c.initializes and c.can_stage(Trouble.UNAUTHORIZED))
    async def test_refused_credentials_are_no_fault_of_the_record(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """The scope of the error is CREDENTIALS, so that a queued request waits for others."""
        await harness.cause(Trouble.UNAUTHORIZED)

        error = await failure_of(port.initialize(a_request(), a_call(harness, seconds=1)))

        assert FaultScope.CREDENTIALS == error.scope

    @case(lambda c: c.initializes and c.can_stage(Trouble.ANSWER_LOST))
    async def test_a_lost_answer_may_have_opened_the_record(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """The record exists; the error says that the request may have reached the service."""
        request = a_request(quantity=7)
        await harness.cause(Trouble.ANSWER_LOST)

        error = await failure_of(port.initialize(request, a_call(harness, seconds=1)))

        assert 7 == await harness.stored(request.variant_id)
        assert ReachedService.NO != error.reached_service

    @case_of_trouble(FAILING, _repeats)
    async def test_a_repetition_after_trouble_opens_one_record(
        self, port: InventoryPort, harness: Harness, trouble: Trouble
    ) -> None:
        """The second attempt returns the item, whether or not the first was carried out."""
        request = a_request(quantity=7)
        await harness.cause(trouble)
        await failure_of(port.initialize(request, a_call(harness, seconds=_seconds(trouble))))
        await harness.cause(None)

        item = await _until_settled(port, harness, request)

        assert 7 == item.quantity
        assert 1 == await harness.records()

    @case(lambda c: _repeats(c) and c.can_stage(Trouble.SLOW))
    async def test_a_repetition_after_a_cancellation_opens_one_record(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """A cancelled caller may have opened the record; the same key opens no second one."""
        request = a_request(quantity=7)
        await harness.cause(Trouble.SLOW)
        caller = asyncio.create_task(port.initialize(request, a_call(harness)))
        await asyncio.sleep(SLOW_BY / 3)
        caller.cancel()
        await asyncio.wait([caller])
        await harness.cause(None)

        item = await _until_settled(port, harness, request)

        assert 7 == item.quantity
        assert 1 == await harness.records()


async def _until_settled(
    port: InventoryPort, harness: Harness, request: InitialStock
) -> InventoryItem:
    """Repeat the request until the service has finished earlier work on the key."""
    while True:
        try:
            return item_of(await port.initialize(request, a_call(harness)))
        except InventoryError as error:
            if not error.retryable:
                raise
            await asyncio.sleep(0.02)
