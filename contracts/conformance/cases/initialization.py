"""Initialization: one key opens one record, and existing records stay unchanged."""

# ruff: noqa: S101, SIM300 - a suite asserts, expected value first
import attrs

from shelfport.contracts.conformance.case import case, case_without_adapter
from shelfport.contracts.conformance.given import (
    a_call,
    a_request,
    failure_of,
    item_of,
    new_variant,
    read_level,
    stocked,
)
from shelfport.contracts.conformance.harness import Harness
from shelfport.domain.model import (
    AlreadyThere,
    Conflict,
    FaultScope,
    Operation,
    PermanentError,
    StockStatus,
    UnknownVariant,
)
from shelfport.ports import InventoryPort


class InitializationCases:
    """`InventoryPort.initialize` without trouble."""

    @case(lambda c: c.initializes)
    async def test_it_opens_one_record_with_the_quantity(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """It opens exactly one record with the requested quantity, and the item has the same."""
        request = a_request(quantity=7)

        item = item_of(await port.initialize(request, a_call(harness)))

        assert 1 == await harness.records()
        assert 7 == await harness.stored(request.variant_id)
        assert (request.variant_id, 7, 7) == (
            item.variant_id,
            item.quantity,
            item.available_quantity,
        )

    @case(lambda c: c.initializes)
    async def test_it_opens_a_record_without_stock(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """The initial quantity may be 0."""
        request = a_request(quantity=0)

        item = item_of(await port.initialize(request, a_call(harness)))

        assert StockStatus.OUT_OF_STOCK == item.status
        assert 0 == await harness.stored(request.variant_id)

    @case(lambda c: c.initializes)
    async def test_it_passes_the_threshold_on(self, port: InventoryPort, harness: Harness) -> None:
        """The stock is low at the threshold, and not above it."""
        low = a_request(quantity=5, low_stock_threshold=5)
        ample = a_request(quantity=5, low_stock_threshold=4)

        statuses = [
            item_of(await port.initialize(request, a_call(harness))).status
            for request in (low, ample)
        ]

        assert [StockStatus.LOW_STOCK, StockStatus.IN_STOCK] == statuses

    @case(lambda c: c.initializes)
    async def test_a_new_record_is_seen_by_the_next_read(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """A read after the initialization finds the variant, although it was unknown before."""
        request = a_request(quantity=7)
        variant = request.variant_id
        before = await port.read([variant], a_call(harness))
        await port.initialize(request, a_call(harness))

        level = await read_level(port, variant, a_call(harness))

        assert UnknownVariant(variant) == before.get(variant)
        assert 7 == level.available_quantity

    @case(lambda c: c.initializes and c.remembers_keys)
    async def test_a_repetition_gives_the_same_item(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """The same key is `Created` again, and opens no second record."""
        request = a_request()
        first = item_of(await port.initialize(request, a_call(harness)))

        second = item_of(await port.initialize(request, a_call(harness)))

        assert first == second
        assert 1 == await harness.records()

    @case(lambda c: c.initializes and c.remembers_keys)
    async def test_a_repetition_leaves_changed_stock_alone(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """A repetition does not reset the stock."""
        request = a_request(quantity=7)
        await port.initialize(request, a_call(harness))
        await harness.set_stock(request.variant_id, 2)

        item_of(await port.initialize(request, a_call(harness)))

        assert 2 == await harness.stored(request.variant_id)

    @case_without_adapter(lambda c: c.initializes and c.remembers_keys)
    async def test_the_key_outlives_the_adapter(self, harness: Harness) -> None:
        """After a restart a repetition with the same key gets the same item."""
        request = a_request()
        async with harness.adapter() as port:
            first = item_of(await port.initialize(request, a_call(harness)))
        async with harness.adapter() as port:
            second = item_of(await port.initialize(request, a_call(harness)))

        assert first == second
        assert 1 == await harness.records()

    @case(lambda c: c.initializes)
    async def test_another_key_finds_the_record_there(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """Another key gets `AlreadyThere` with the current level of the record."""
        first = a_request(quantity=7)
        await port.initialize(first, a_call(harness))
        await harness.set_stock(first.variant_id, 3)

        outcome = await port.initialize(a_request(first.variant_id, quantity=50), a_call(harness))

        assert isinstance(outcome, AlreadyThere), f"it was answered with {outcome!r}"
        assert (first.variant_id, 3) == (
            outcome.level.variant_id,
            outcome.level.available_quantity,
        )

    @case(lambda c: c.initializes)
    async def test_a_record_that_was_there_is_left_alone(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """An existing record keeps its stock, and no second record is opened."""
        [variant] = await stocked(harness, 3)

        await port.initialize(a_request(variant, quantity=50), a_call(harness))

        assert 3 == await harness.stored(variant)
        assert 1 == await harness.records()

    @case(lambda c: c.initializes and c.remembers_keys)
    async def test_a_key_of_another_request_is_a_conflict(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """Another request under a used key is a `Conflict` of scope REQUEST, and writes nothing."""
        first = a_request(quantity=7)
        await port.initialize(first, a_call(harness))
        more = attrs.evolve(first, initial_quantity=8)
        elsewhere = attrs.evolve(first, variant_id=new_variant())

        errors = [
            await failure_of(port.initialize(other, a_call(harness))) for other in (more, elsewhere)
        ]

        assert [Conflict, Conflict] == [type(error) for error in errors]
        assert [FaultScope.REQUEST] * 2 == [error.scope for error in errors]
        assert 7 == await harness.stored(first.variant_id)
        assert await harness.stored(elsewhere.variant_id) is None

    @case(lambda c: c.initializes)
    async def test_it_opens_records_for_several_variants(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """Several initializations are independent of each other."""
        requests = [a_request(quantity=quantity) for quantity in (1, 2, 3)]

        items = [item_of(await port.initialize(r, a_call(harness))) for r in requests]

        assert [r.variant_id for r in requests] == [item.variant_id for item in items]
        assert [1, 2, 3] == [await harness.stored(r.variant_id) for r in requests]
        assert 3 == await harness.records()
        assert 3 == len({item.id for item in items})

    @case(lambda c: not c.initializes)
    async def test_what_opens_no_records_says_so(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """An adapter that opens no records raises a permanent error with the scope REQUEST."""
        request = a_request()

        error = await failure_of(port.initialize(request, a_call(harness)))

        assert isinstance(error, PermanentError)
        assert FaultScope.REQUEST == error.scope
        assert Operation.INITIALIZE == error.operation
        assert await harness.stored(request.variant_id) is None
