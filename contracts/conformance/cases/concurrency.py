"""Concurrency: many tasks at once, and a cancelled one that does not affect the others."""

# ruff: noqa: S101, SIM300 - a suite asserts, expected value first
import asyncio

from shelfport.contracts.conformance.case import case
from shelfport.contracts.conformance.given import (
    GENEROUS,
    a_call,
    a_request,
    new_variant,
    quantities_of,
    stocked,
)
from shelfport.contracts.conformance.harness import Harness
from shelfport.contracts.conformance.trouble import SLOW_BY, Trouble
from shelfport.domain.model import (
    AlreadyThere,
    Created,
    InventoryError,
    ProductVariantId,
    UnknownVariant,
)
from shelfport.ports import InventoryPort

CALLERS = 40


class ConcurrencyCases:
    """Many tasks of one event loop; a cancelled task does not affect the others."""

    @case()
    async def test_many_callers_each_get_their_own_answer(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """Concurrent reads with overlapping ids get the same answers as sequential reads."""
        quantities = list(range(1, 11))
        known = await stocked(harness, *quantities)
        unknown = new_variant()
        requests = [
            [known[n % 10], unknown, known[(n * 3 + 1) % 10], known[(n * 7 + 2) % 10]]
            for n in range(CALLERS)
        ]

        pages = await asyncio.gather(*(port.read(asked, a_call(harness)) for asked in requests))

        for asked, answers in zip(requests, pages, strict=True):
            assert list(dict.fromkeys(asked)) == list(answers)
            assert UnknownVariant(unknown) == answers[unknown]
            of_known = [variant for variant in asked if variant != unknown]
            assert [quantities[known.index(v)] for v in of_known] == quantities_of(
                answers, of_known
            )

    @case()
    async def test_a_cancelled_caller_disturbs_no_other(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """The other callers of the same read get the answer, whichever callers were cancelled."""
        asked = await stocked(harness, 1, 2)
        callers = [asyncio.create_task(_read_quantities(port, harness, asked)) for _ in range(6)]
        await asyncio.sleep(0)
        for leaving in (callers[0], callers[2], callers[-1]):
            leaving.cancel()

        outcomes = await asyncio.gather(*callers, return_exceptions=True)

        assert [[1, 2]] * 3 == [outcomes[stayed] for stayed in (1, 3, 4)]

    @case(lambda c: c.can_stage(Trouble.SLOW))
    async def test_a_caller_cancelled_half_way_disturbs_no_other(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """The other callers get the answer, although the cancelled caller sent the request."""
        asked = await stocked(harness, 1, 2)
        await harness.cause(Trouble.SLOW)
        first = asyncio.create_task(_read_quantities(port, harness, asked))
        second = asyncio.create_task(_read_quantities(port, harness, asked))
        third = asyncio.create_task(_read_quantities(port, harness, asked[:1]))
        await asyncio.sleep(SLOW_BY / 3)
        first.cancel()

        _, *stayed = await asyncio.gather(first, second, third, return_exceptions=True)

        assert [[1, 2], [1]] == stayed

    @case(lambda c: c.can_stage(Trouble.HANG))
    async def test_cancellation_passes_through(self, port: InventoryPort, harness: Harness) -> None:
        """A cancelled caller ends at once, as cancelled, and not at its deadline."""
        asked = await stocked(harness, 1, 2)
        await harness.cause(Trouble.HANG)
        caller = asyncio.create_task(port.read(asked, a_call(harness, seconds=10 * GENEROUS)))
        await asyncio.sleep(0.05)
        caller.cancel()

        done, _ = await asyncio.wait([caller], timeout=GENEROUS)

        assert {caller} == done
        assert caller.cancelled()

    @case()
    async def test_after_a_cancellation_it_reads_again(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """Cancelled callers leave the adapter intact."""
        asked = await stocked(harness, 1, 2)
        for _ in range(5):
            caller = asyncio.create_task(port.read(asked, a_call(harness)))
            await asyncio.sleep(0)
            caller.cancel()
            await asyncio.wait([caller])

        assert [1, 2] == await _read_quantities(port, harness, asked)

    @case(lambda c: c.initializes and c.remembers_keys)
    async def test_one_key_at_the_same_time_opens_one_record(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """Successful calls return the same item; the others fail with a retryable error."""
        request = a_request()

        outcomes = await asyncio.gather(
            *(port.initialize(request, a_call(harness)) for _ in range(8)), return_exceptions=True
        )

        created = [outcome for outcome in outcomes if isinstance(outcome, Created)]
        assert created
        assert all(created[0] == outcome for outcome in created)
        failed = [outcome for outcome in outcomes if not isinstance(outcome, Created)]
        assert all(isinstance(e, InventoryError) and e.retryable for e in failed), failed
        assert 1 == await harness.records()

    @case(lambda c: c.initializes)
    async def test_rival_keys_at_the_same_time_open_one_record(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """One key creates the record; the others get `AlreadyThere`."""
        variant = new_variant()
        rivals = [a_request(variant, quantity=quantity) for quantity in range(1, 7)]

        outcomes = await asyncio.gather(
            *(port.initialize(rival, a_call(harness)) for rival in rivals)
        )

        created = [outcome for outcome in outcomes if isinstance(outcome, Created)]
        there = [outcome for outcome in outcomes if isinstance(outcome, AlreadyThere)]
        assert (1, 5) == (len(created), len(there))
        assert 1 == await harness.records()
        assert created[0].item.quantity == await harness.stored(variant)


async def _read_quantities(
    port: InventoryPort, harness: Harness, asked: list[ProductVariantId]
) -> list[int]:
    return quantities_of(await port.read(asked, a_call(harness)), asked)
