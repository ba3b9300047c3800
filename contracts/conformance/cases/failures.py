"""Failed reads: a value beside other answers, else one `InventoryError` with its scope."""

# ruff: noqa: S101, SIM300 - a suite asserts, expected value first
import asyncio
from typing import ClassVar

from shelfport.contracts.conformance.capabilities import Capabilities
from shelfport.contracts.conformance.case import case, case_of_trouble
from shelfport.contracts.conformance.given import (
    CORRELATION_ID,
    SOON,
    a_call,
    failure_of,
    new_variant,
    quantities_of,
    stocked,
)
from shelfport.contracts.conformance.harness import Harness
from shelfport.contracts.conformance.trouble import FAILING, OUTAGES, QUICK, Trouble
from shelfport.domain.model import (
    FaultScope,
    InventoryError,
    Operation,
    ReachedService,
    UnknownVariant,
    Unreadable,
)
from shelfport.ports import InventoryPort


def _seconds(trouble: Trouble) -> float:
    return SOON if trouble is Trouble.HANG else 1.0


class FailureCases:
    """The "Raises" of `InventoryPort.read`, and the content of its errors."""

    capabilities: ClassVar[Capabilities]

    @case_of_trouble(QUICK)
    async def test_a_read_in_trouble_raises_an_inventory_error(
        self, port: InventoryPort, harness: Harness, trouble: Trouble
    ) -> None:
        """The read raises an `InventoryError`, and invents no answer."""
        asked = await stocked(harness, 1, 2)
        await harness.cause(trouble)

        error = await failure_of(port.read(asked, a_call(harness, seconds=1)))

        assert str(error), "an error says in a sentence what happened"

    @case_of_trouble(QUICK)
    async def test_a_read_of_one_in_trouble_raises_an_inventory_error(
        self, port: InventoryPort, harness: Harness, trouble: Trouble
    ) -> None:
        """A failed read of one id does not report the variant as unknown."""
        [variant] = await stocked(harness, 1)
        await harness.cause(trouble)

        await failure_of(port.read([variant], a_call(harness, seconds=1)))

    @case_of_trouble(QUICK)
    async def test_a_read_of_many_in_trouble_raises_one_inventory_error(
        self, port: InventoryPort, harness: Harness, trouble: Trouble
    ) -> None:
        """A read of several requests raises one error, and no group."""
        count = self.capabilities.many_ids
        asked = [new_variant() for _ in range(count)]
        await harness.cause(trouble)

        await failure_of(port.read(asked, a_call(harness, seconds=1)))

    @case_of_trouble(FAILING, lambda c: c.describes_errors)
    async def test_an_error_of_a_read_says_what_it_is_about(
        self, port: InventoryPort, harness: Harness, trouble: Trouble
    ) -> None:
        """The error carries the operation, requested ids, and the caller's correlation id."""
        asked = await stocked(harness, 1, 2)
        await harness.cause(trouble)

        error = await failure_of(port.read(asked, a_call(harness, seconds=_seconds(trouble))))

        assert Operation.READ == error.operation
        assert CORRELATION_ID == error.correlation_id
        assert error.ids
        assert set() == set(error.ids) - set(asked)
        assert error.attempts >= 1

    @case(lambda c: c.can_stage(Trouble.OVERLOADED))
    async def test_an_overload_has_a_retry_after(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """An overload is retryable, reached the service, and has a `retry_after`."""
        asked = await stocked(harness, 1, 2)
        await harness.cause(Trouble.OVERLOADED)

        error = await failure_of(port.read(asked, a_call(harness, seconds=1)))

        assert error.retryable
        assert ReachedService.NO != error.reached_service
        assert error.retry_after is not None
        assert error.retry_after > 0

    @case(lambda c: c.can_stage(Trouble.UNREACHABLE))
    async def test_an_unreachable_service_is_retryable(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """The error of an unreachable service is retryable."""
        asked = await stocked(harness, 1, 2)
        await harness.cause(Trouble.UNREACHABLE)

        error = await failure_of(port.read(asked, a_call(harness, seconds=1)))

        assert error.retryable

    @case(lambda c: c.can_stage(Trouble.GARBAGE))
    async def test_garbage_is_retryable_only_if_it_was_damaged_on_the_way(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """An answer of the service that breaks the contract is not retryable; both arrived."""
        asked = await stocked(harness, 1, 2)
        await harness.cause(Trouble.GARBAGE)

        error = await failure_of(port.read(asked, a_call(harness, seconds=1)))

        assert (FaultScope.PATH is error.scope) == error.retryable
        assert ReachedService.NO != error.reached_service

    @case_of_trouble(OUTAGES)
    async def test_an_outage_is_no_fault_of_the_request(
        self, port: InventoryPort, harness: Harness, trouble: Trouble
    ) -> None:
        """The scope of the error is SERVICE or PATH, so that the circuit breaker counts it."""
        asked = await stocked(harness, 1, 2)
        await harness.cause(trouble)

        error = await failure_of(port.read(asked, a_call(harness, seconds=1)))

        assert error.scope.of_service, f"the scope of {error!r} is {error.scope.name}"

    @case(lambda c: c.can_stage(Trouble.UNAUTHORIZED))
    async def test_refused_credentials_are_no_fault_of_the_service(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """The scope of the error is CREDENTIALS, so that they open no circuit."""
        asked = await stocked(harness, 1, 2)
        await harness.cause(Trouble.UNAUTHORIZED)

        error = await failure_of(port.read(asked, a_call(harness, seconds=1)))

        assert FaultScope.CREDENTIALS == error.scope

    @case_of_trouble(QUICK)
    async def test_after_the_trouble_it_reads_again(
        self, port: InventoryPort, harness: Harness, trouble: Trouble
    ) -> None:
        """Reads succeed again after the trouble, and the time that the service asked to wait."""
        asked = await stocked(harness, 1, 2)
        await harness.cause(trouble)
        error = await failure_of(port.read(asked, a_call(harness, seconds=1)))
        await harness.cause(None)
        await asyncio.sleep(error.retry_after or 0)

        answers = await port.read(asked, a_call(harness))

        assert [1, 2] == quantities_of(answers, asked)

    @case_of_trouble(QUICK)
    async def test_a_read_without_ids_does_not_fail_in_trouble(
        self, port: InventoryPort, harness: Harness, trouble: Trouble
    ) -> None:
        """A read without ids succeeds in trouble."""
        await harness.cause(trouble)

        assert {} == dict(await port.read([], a_call(harness)))

    @case(lambda c: c.spoils_one)
    async def test_a_failure_beside_an_answer_is_a_value(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """An unreadable variant does not affect the other variants."""
        a, spoilt, c = asked = await stocked(harness, 1, 2, 3)
        await harness.spoil(spoilt)

        answers = await port.read(asked, a_call(harness))

        assert [1, 3] == quantities_of(answers, [a, c])
        unreadable = answers.get(spoilt)
        assert isinstance(unreadable, Unreadable), f"it was answered with {unreadable!r}"
        assert isinstance(unreadable.error, InventoryError)
        assert asked == list(answers)

    @case(lambda c: c.spoils_one)
    async def test_a_failure_beside_an_unknown_variant_is_a_value(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """An unknown variant is an answer, so the read does not raise."""
        [spoilt] = await stocked(harness, 2)
        unknown = new_variant()
        await harness.spoil(spoilt)

        answers = await port.read([spoilt, unknown], a_call(harness))

        assert UnknownVariant(unknown) == answers.get(unknown)
        assert isinstance(answers.get(spoilt), Unreadable)

    @case(lambda c: c.spoils_one)
    async def test_failures_alone_are_raised(self, port: InventoryPort, harness: Harness) -> None:
        """A read without any answer raises: for one id, and for several."""
        spoilt = await stocked(harness, 2, 3)
        for variant in spoilt:
            await harness.spoil(variant)

        await failure_of(port.read(spoilt[:1], a_call(harness)))
        await failure_of(port.read(spoilt, a_call(harness)))

    @case(lambda c: c.spoils_one)
    async def test_an_unreadable_variant_is_no_fault_of_the_service(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """The scope of its error is ELEMENT or REQUEST, beside answers and alone."""
        fine, spoilt = await stocked(harness, 1, 2)
        await harness.spoil(spoilt)

        answers = await port.read([fine, spoilt], a_call(harness))
        alone = await failure_of(port.read([spoilt], a_call(harness)))

        unreadable = answers.get(spoilt)
        assert isinstance(unreadable, Unreadable)
        for error in (unreadable.error, alone):
            assert error.scope in {FaultScope.ELEMENT, FaultScope.REQUEST}, (
                f"the scope of {error!r} is {error.scope.name}"
            )

    @case(lambda c: c.spoils_one and c.describes_errors)
    async def test_an_unreadable_variant_is_named(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """The error of an unreadable variant names its id."""
        fine, spoilt = await stocked(harness, 1, 2)
        await harness.spoil(spoilt)

        answers = await port.read([fine, spoilt], a_call(harness))

        unreadable = answers.get(spoilt)
        assert isinstance(unreadable, Unreadable)
        assert spoilt in unreadable.error.ids
        assert CORRELATION_ID == unreadable.error.correlation_id
