"""Both adapters return one entry for each id, in any order and spelling (R1)."""

import asyncio
from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfport import (
    AlreadyThere,
    Created,
    InMemoryInventory,
    ProductVariantId,
    Settings,
    StockReading,
    SystemClock,
    Unavailable,
    UnavailableReason,
    build,
)
from shelfport.contracts.sandbox import Sandbox, SeedRecord
from shelfport.http import HttpInventory
from shelfport.ports import DEFAULT_CALL, UnknownVariant
from tests.support.values import an_id, an_initial_stock

STOCK = {an_id(n): quantity for n, quantity in enumerate([0, 1, 10, 11, 100, 2**31 - 1], 1)}
UNKNOWN = [an_id(n) for n in range(100, 104)]
asked = st.lists(st.sampled_from([*STOCK, *UNKNOWN]), max_size=30)
Spelling = Callable[[UUID], UUID | str]
spelt = st.sampled_from([lambda v: v, str, lambda v: str(v).upper(), lambda v: f"{{{v}}}"])


@pytest.fixture(scope="module")
def memory() -> InMemoryInventory:
    memory = InMemoryInventory(clock=SystemClock())
    for variant, quantity in STOCK.items():
        memory.set_stock(variant, quantity)
    return memory


@pytest.fixture(scope="module")
def http(runner: asyncio.Runner) -> Iterator[HttpInventory]:
    sandbox = Sandbox(seed=[SeedRecord(v, quantity) for v, quantity in STOCK.items()])
    runner.run(sandbox.__aenter__())
    port = HttpInventory(sandbox.url, clock=SystemClock())
    runner.run(port.__aenter__())
    yield port
    runner.run(port.__aexit__(None, None, None))
    runner.run(sandbox.__aexit__(None, None, None))


def told(answer: object) -> object:
    """The stock of an answer, without its date and its source."""
    match answer:
        case StockReading(level):
            return level.variant_id, level.available_quantity, level.status
        case _:
            return answer


@given(ids=asked)
def test_memory_and_http_agree(
    runner: asyncio.Runner,
    memory: InMemoryInventory,
    http: HttpInventory,
    ids: list[ProductVariantId],
) -> None:
    """The memory adapter and HTTP to the sandbox give equal answers, in first-asked order."""
    from_memory = runner.run(memory.read(ids, DEFAULT_CALL))
    from_http = runner.run(http.read(ids, DEFAULT_CALL))

    assert list(dict.fromkeys(ids)) == list(from_http) == list(from_memory)
    for variant in from_memory:
        assert told(from_memory[variant]) == told(from_http[variant])
        expected = STOCK.get(variant)
        if expected is None:
            assert UnknownVariant(variant) == from_memory[variant]


@given(ids=asked, spellings=st.lists(spelt, min_size=30, max_size=30))
def test_a_page_has_one_entry_for_each(
    runner: asyncio.Runner, memory: InMemoryInventory, ids: list[UUID], spellings: list[Spelling]
) -> None:
    """Through the whole stack: one entry for each requested id, under that id, in order."""
    refs = [spelling(v) for v, spelling in zip(ids, spellings, strict=False)]

    async def page() -> dict[UUID | str, object]:
        async with build(Settings(), adapter=memory) as inventory:
            first = await inventory.get_stock_levels(refs)
            again = await inventory.get_stock_levels(refs)
            assert [told(value) for value in first.values()] == [
                told(value) for value in again.values()
            ]
            return dict(first)

    answers = runner.run(page())

    assert list(dict.fromkeys(refs)) == list(answers)
    for ref, answer in answers.items():
        quantity = STOCK.get(an_id(UUID(str(ref)).int))
        if quantity is None:
            assert Unavailable(UnavailableReason.UNKNOWN_VARIANT) == answer
        else:
            assert isinstance(answer, StockReading)
            assert quantity == answer.level.available_quantity


@given(quantity=st.integers(0, 2**31 - 1), threshold=st.integers(0, 2**31 - 1))
def test_new_records_agree(
    runner: asyncio.Runner,
    memory: InMemoryInventory,
    http: HttpInventory,
    quantity: int,
    threshold: int,
) -> None:
    """A new record, its repetition, and a second attempt at it give equal answers on both."""
    request = an_initial_stock(quantity=quantity)
    rival = an_initial_stock(request.variant_id)

    for port in (memory, http):
        first = runner.run(port.initialize(request, DEFAULT_CALL))
        again = runner.run(port.initialize(request, DEFAULT_CALL))
        second = runner.run(port.initialize(rival, DEFAULT_CALL))
        assert isinstance(first, Created)
        assert first == again
        assert AlreadyThere(first.item.level) == second, port
        assert quantity == first.item.quantity
    by_memory, by_http = (
        runner.run(port.read([request.variant_id], DEFAULT_CALL)) for port in (memory, http)
    )
    assert told(by_memory[request.variant_id]) == told(by_http[request.variant_id])
