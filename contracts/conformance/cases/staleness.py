"""Staleness: which readings may come from memory, and how they are marked."""

# ruff: noqa: S101, SIM300 - a suite asserts, expected value first
import asyncio

from shelfport.contracts.conformance.case import case, case_of_trouble
from shelfport.contracts.conformance.given import (
    ALLOWANCE,
    a_call,
    failure_of,
    quantities_of,
    read_level,
    reading_of,
    stocked,
)
from shelfport.contracts.conformance.harness import Harness
from shelfport.contracts.conformance.trouble import QUICK, Trouble
from shelfport.domain.model import Freshness, UnknownVariant
from shelfport.ports import InventoryPort

PAUSE = 0.05
"""Seconds between two reads; longer than the staleness that the second one allows."""


class StalenessCases:
    """`call.max_staleness` and the freshness of each reading."""

    @case()
    async def test_no_staleness_is_never_answered_from_memory(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """With `max_staleness=0` the next read returns a change: a checkout relies on it."""
        asked = await stocked(harness, 5, 6)
        await port.read(asked, a_call(harness))
        for variant in asked:
            await harness.set_stock(variant, 1)

        answers = await port.read(asked, a_call(harness, max_staleness=0))

        assert [1, 1] == quantities_of(answers, asked)

    @case()
    async def test_max_staleness_is_a_limit(self, port: InventoryPort, harness: Harness) -> None:
        """A reading older than `max_staleness` is not returned."""
        [variant] = await stocked(harness, 5)
        await port.read([variant], a_call(harness))
        await asyncio.sleep(PAUSE)
        await harness.set_stock(variant, 1)

        level = await read_level(port, variant, a_call(harness, max_staleness=PAUSE / 2))

        assert 1 == level.available_quantity

    @case()
    async def test_a_removed_record_is_unknown(self, port: InventoryPort, harness: Harness) -> None:
        """With `max_staleness=0` a removed record is unknown."""
        [variant] = await stocked(harness, 5)
        await port.read([variant], a_call(harness))
        await harness.remove(variant)

        answers = await port.read([variant], a_call(harness, max_staleness=0))

        assert UnknownVariant(variant) == answers.get(variant)

    @case(lambda c: not c.keeps_readings)
    async def test_without_a_memory_every_reading_is_live(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """An adapter without memory reads the service each time, and marks readings as LIVE."""
        [variant] = await stocked(harness, 5)
        for quantity in (5, 1):
            await harness.set_stock(variant, quantity)
            answers = await port.read([variant], a_call(harness))
            assert Freshness.LIVE == reading_of(answers, variant).freshness
            assert [quantity] == quantities_of(answers, [variant])

    @case(lambda c: c.keeps_readings)
    async def test_a_kept_reading_says_so(self, port: InventoryPort, harness: Harness) -> None:
        """A reading from memory keeps its `as_of` and is not LIVE; a LIVE one is current."""
        [variant] = await stocked(harness, 5)
        first = reading_of(await port.read([variant], a_call(harness)), variant)
        await harness.set_stock(variant, 1)
        await asyncio.sleep(PAUSE)
        began = harness.clock.now()

        second = reading_of(await port.read([variant], a_call(harness)), variant)

        assert Freshness.LIVE == first.freshness
        if second.freshness is Freshness.LIVE:
            assert 1 == second.level.available_quantity
            assert began - ALLOWANCE <= second.as_of
        else:
            assert first.level == second.level
            assert first.as_of == second.as_of

    @case_of_trouble(QUICK, lambda c: c.keeps_readings)
    async def test_no_staleness_is_kept_in_trouble_too(
        self, port: InventoryPort, harness: Harness, trouble: Trouble
    ) -> None:
        """With `max_staleness=0` a failed read does not return a kept reading."""
        [variant] = await stocked(harness, 5)
        await port.read([variant], a_call(harness))
        await harness.cause(trouble)

        await failure_of(port.read([variant], a_call(harness, seconds=1, max_staleness=0)))

    @case_of_trouble(QUICK, lambda c: c.keeps_readings)
    async def test_a_reading_kept_through_trouble_keeps_its_date(
        self, port: InventoryPort, harness: Harness, trouble: Trouble
    ) -> None:
        """A kept reading that replaces a failed one keeps its `as_of`, and is not LIVE."""
        [variant] = await stocked(harness, 5)
        first = reading_of(await port.read([variant], a_call(harness)), variant)
        await harness.cause(trouble)

        second = reading_of(await port.read([variant], a_call(harness)), variant)

        assert first.as_of == second.as_of
        assert Freshness.LIVE != second.freshness
