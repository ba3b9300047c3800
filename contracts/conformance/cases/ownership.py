"""Ownership: arguments stay the caller's, and answers become the caller's."""

# ruff: noqa: S101, SIM300 - a suite asserts, expected value first
import asyncio
from collections.abc import Mapping, MutableMapping

import attrs

from shelfport.contracts.conformance.case import case
from shelfport.contracts.conformance.given import (
    a_call,
    a_request,
    new_variant,
    quantities_of,
    stocked,
)
from shelfport.contracts.conformance.harness import Harness
from shelfport.domain.model import Answer, ProductVariantId
from shelfport.ports import InventoryPort


class OwnershipCases:
    """The adapter neither keeps nor changes arguments, and its answers belong to the caller."""

    @case()
    async def test_the_ids_are_left_as_they_were(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """A read does not change the caller's list."""
        a, b, c = await stocked(harness, 1, 2, 3)
        given = [c, a, c, new_variant(), b]
        before = list(given)

        await port.read(given, a_call(harness))

        assert before == given

    @case()
    async def test_the_ids_are_not_kept(self, port: InventoryPort, harness: Harness) -> None:
        """A later change of the caller's list does not change the answer."""
        given = await stocked(harness, 1, 2, 3)
        asked = list(given)
        answers = await port.read(given, a_call(harness))

        given.clear()

        assert asked == list(answers)
        assert [1, 2, 3] == quantities_of(answers, asked)

    @case()
    async def test_any_sequence_will_do(self, port: InventoryPort, harness: Harness) -> None:
        """A read accepts a tuple of ids."""
        asked = tuple(await stocked(harness, 1, 2))

        answers = await port.read(asked, a_call(harness))

        assert [1, 2] == quantities_of(answers, asked)

    @case()
    async def test_the_call_is_left_as_it_was(self, port: InventoryPort, harness: Harness) -> None:
        """A read does not change the call, which may be used again."""
        asked = await stocked(harness, 1)
        call = a_call(harness, max_staleness=30)
        before = attrs.evolve(call)

        await port.read(asked, call)

        assert before == call

    @case(lambda c: c.initializes)
    async def test_the_request_is_left_as_it_was(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """An initialization does not change the request, which may be sent again."""
        request, call = a_request(), a_call(harness)
        before = attrs.evolve(request), attrs.evolve(call)

        await port.initialize(request, call)

        assert before == (request, call)

    @case()
    async def test_the_answer_belongs_to_the_caller(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """A caller that changes its answer does not change the next answer."""
        asked = await stocked(harness, 1, 2)

        for _ in range(3):
            answers = await port.read(asked, a_call(harness))
            assert asked == list(answers)
            assert [1, 2] == quantities_of(answers, asked)
            _empty(answers)

    @case()
    async def test_two_callers_have_answers_of_their_own(
        self, port: InventoryPort, harness: Harness
    ) -> None:
        """Concurrent callers do not share an answer."""
        asked = await stocked(harness, 1, 2)
        first, second = await asyncio.gather(
            port.read(asked, a_call(harness)), port.read(asked, a_call(harness))
        )

        _empty(first)

        assert [1, 2] == quantities_of(second, asked)


def _empty(answers: Mapping[ProductVariantId, Answer]) -> None:
    if isinstance(answers, MutableMapping):
        answers.clear()
