"""Reading: one entry for each id, in order, correct and dated."""

# ruff: noqa: S101, SIM300 - a suite asserts, expected value first
import asyncio
from typing import ClassVar

from shelfport.contracts.conformance.capabilities import Capabilities
from shelfport.contracts.conformance.case import case
from shelfport.contracts.conformance.given import (
    ALLOWANCE,
    a_call,
    new_variant,
    quantities_of,
    read_level,
    reading_of,
    stocked,
)
from shelfport.contracts.conformance.harness import Harness
from shelfport.contracts.conformance.trouble import SLOW_BY, Trouble
from shelfport.domain.model import DEFAULT_CALL, MAX_QUANTITY, StockStatus, UnknownVariant
from shelfport.ports import InventoryPort


class ReadingCases:
    """The first paragraph of `InventoryPort.read`."""

    capabilities: ClassVar[Capabilities]

    @case()
    async def test_every_id_asked_for_is_answered(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """Every id has an entry, known or unknown."""
        asked = [*await stocked(harness, 5, 0, 100), new_variant()]

        answers = await port.read(asked, a_call(harness))

        assert set() == set(asked) - set(answers)

    @case()
    async def test_nothing_else_is_answered(self, port: InventoryPort, harness: Harness) -> None:
        """The answer has no entry for an id that was not requested."""
        others = await stocked(harness, 1, 2)
        asked = await stocked(harness, 5, 0)
        await port.read(others, a_call(harness))

        answers = await port.read(asked, a_call(harness))

        assert set() == set(answers) - set(asked)

    @case()
    async def test_answers_come_in_first_asked_order(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """Entries are in the order of the ids, known and unknown mixed, after any earlier order."""
        known = await stocked(harness, *range(1, 7))
        asked = [known[3], new_variant(), known[0], known[5], new_variant(), known[1]]
        expected = list(asked)

        for order in (expected, expected[::-1], sorted(expected)):
            answers = await port.read(order, a_call(harness))
            assert order == [variant for variant in answers if variant in asked]

    @case()
    async def test_a_repeated_id_has_one_entry_at_its_first_place(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """A repeated id has one entry, at its first position."""
        a, b, c = await stocked(harness, 1, 2, 3)

        answers = await port.read([b, a, b, c, a, b], a_call(harness))

        assert [1, 2, 3] == quantities_of(answers, [a, b, c])
        assert [b, a, c] == [variant for variant in answers if variant in {a, b, c}]

    @case()
    async def test_a_single_id_that_is_repeated_has_one_entry(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """The same id several times, and no other, is answered like one id."""
        [variant] = await stocked(harness, 4)

        answers = await port.read([variant, variant, variant], a_call(harness))

        assert [4] == quantities_of(answers, [variant])

    @case()
    async def test_no_ids_have_an_empty_answer(self, port: InventoryPort, harness: Harness) -> None:
        """An empty list and an empty tuple have an empty answer."""
        assert {} == dict(await port.read([], a_call(harness)))
        assert {} == dict(await port.read((), DEFAULT_CALL))

    @case(lambda c: c.counts_requests)
    async def test_no_ids_send_no_request(self, port: InventoryPort, harness: Harness) -> None:
        """A read without ids sends no request."""
        await port.read([], a_call(harness))

        assert 0 == harness.requests()

    @case()
    async def test_an_id_without_a_record_is_unknown(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """An unknown variant is an answer, not a failure: alone, and beside a known one."""
        alone, beside = new_variant(), new_variant()
        [known] = await stocked(harness, 3)

        first = await port.read([alone], a_call(harness))
        second = await port.read([beside, known], a_call(harness))

        assert UnknownVariant(alone) == first.get(alone)
        assert UnknownVariant(beside) == second.get(beside)

    @case()
    async def test_several_ids_without_records_are_unknown(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """A read of unknown variants only is no failure."""
        asked = [new_variant() for _ in range(3)]

        answers = await port.read(asked, a_call(harness))

        assert {variant: UnknownVariant(variant) for variant in asked} == dict(answers)

    @case()
    async def test_a_reading_is_about_the_id_that_it_stands_under(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """The entry of an id has that id's level."""
        asked = await stocked(harness, 1, 2, 3)

        answers = await port.read(asked, a_call(harness))

        assert asked == [reading_of(answers, variant).level.variant_id for variant in asked]

    @case()
    async def test_a_reading_tells_what_is_stored(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """The adapter returns quantities unchanged, from 0 to the maximum."""
        quantities = [0, 1, 10, 11, 100, MAX_QUANTITY]
        asked = await stocked(harness, *quantities)

        together = await port.read(asked, a_call(harness))
        alone = [await read_level(port, variant, a_call(harness)) for variant in asked]

        assert quantities == quantities_of(together, asked)
        assert quantities == [level.available_quantity for level in alone]

    @case()
    async def test_a_reading_has_the_services_status(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """0 units are out of stock, the threshold is low, more are in stock."""
        asked = [new_variant() for _ in range(3)]
        for variant, quantity in zip(asked, (0, 5, 6), strict=True):
            await harness.set_stock(variant, quantity, low_stock_threshold=5)

        answers = await port.read(asked, a_call(harness))

        assert [StockStatus.OUT_OF_STOCK, StockStatus.LOW_STOCK, StockStatus.IN_STOCK] == [
            reading_of(answers, variant).level.status for variant in asked
        ]

    @case()
    async def test_a_reading_names_its_source(self, port: InventoryPort, harness: Harness) -> None:
        """The adapter gives its own name."""
        [variant] = await stocked(harness, 3)

        answers = await port.read([variant], a_call(harness))

        assert reading_of(answers, variant).source.strip()

    @case()
    async def test_as_of_is_aware(self, port: InventoryPort, harness: Harness) -> None:
        """The instant of a reading has a UTC offset."""
        [variant] = await stocked(harness, 3)

        answers = await port.read([variant], a_call(harness))

        assert reading_of(answers, variant).as_of.utcoffset() is not None

    @case()
    async def test_as_of_lies_within_the_call(self, port: InventoryPort, harness: Harness) -> None:
        """`as_of` of a first reading lies between the start and the end of its call."""
        asked = await stocked(harness, 3, 4)
        await asyncio.sleep(3 * ALLOWANCE.total_seconds())
        began = harness.clock.now()

        answers = await port.read(asked, a_call(harness))

        ended = harness.clock.now()
        for variant in asked:
            as_of = reading_of(answers, variant).as_of
            assert began - ALLOWANCE <= as_of, "it is older than the call"
            assert as_of <= ended + ALLOWANCE, "it is newer than the answer"

    @case(lambda c: c.can_stage(Trouble.SLOW))
    async def test_as_of_is_when_the_request_was_sent(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """`as_of` is the sending of the request, not the receipt of the answer."""
        asked = await stocked(harness, 3, 4)
        await harness.cause(Trouble.SLOW)

        answers = await port.read(asked, a_call(harness))

        ended = harness.clock.now()
        for variant in asked:
            waited = (ended - reading_of(answers, variant).as_of).total_seconds()
            assert waited >= SLOW_BY * 0.8, "as_of is the instant of receipt"

    @case()
    async def test_as_many_ids_as_declared_are_read(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """A read of `many_ids` ids has one entry for each, in order."""
        known = await stocked(harness, 1, 2, 3)
        count = self.capabilities.many_ids
        asked = [new_variant() for _ in range(count - 3)]
        asked = [known[2], *asked[: count // 2], known[0], *asked[count // 2 :], known[1]]

        answers = await port.read(asked, a_call(harness))

        assert asked == list(answers)
        assert [1, 2, 3] == quantities_of(answers, known)
