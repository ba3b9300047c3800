"""Any text is an id for the adapters: HTTP to a sandbox in text format agrees with memory."""

import asyncio
from collections.abc import Iterator

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shelfport import (
    AlreadyThere,
    Created,
    InMemoryInventory,
    ProductVariantId,
    StockReading,
    SystemClock,
)
from shelfport.contracts.sandbox import Sandbox
from shelfport.domain.model import IdFormat
from shelfport.errors import RequestRejected
from shelfport.http import HttpInventory
from shelfport.ports import DEFAULT_CALL, InventoryPort, UnknownVariant, Unreadable
from tests.properties.text_ids import text_ids
from tests.support.values import an_initial_stock

CLOCK = SystemClock()
SOME_SIZE = 20
"""Ids of one page: as many of the longest, all escaped, fit into one request."""
Told = tuple[ProductVariantId, object]

stocks = st.dictionaries(text_ids(), st.integers(0, 1000), min_size=1, max_size=SOME_SIZE // 2)
strangers = st.lists(text_ids(), max_size=SOME_SIZE // 4)
like_paths = ProductVariantId("../inventory?a=b&c#d%2F..")


@attrs.frozen
class World:
    """A sandbox in text format, and a client of it."""

    runner: asyncio.Runner
    sandbox: Sandbox
    http: HttpInventory

    def told(self, port: InventoryPort, asked: list[ProductVariantId]) -> list[Told]:
        """What `port` says of `asked`, without dates and sources."""
        answers = self.runner.run(port.read(asked, DEFAULT_CALL))
        return [(variant, told(answer)) for variant, answer in answers.items()]


@pytest.fixture(scope="module")
def world(runner: asyncio.Runner) -> Iterator[World]:
    sandbox = Sandbox(id_format=IdFormat.TEXT)
    runner.run(sandbox.__aenter__())
    http = HttpInventory(sandbox.url, clock=CLOCK, id_format=IdFormat.TEXT)
    runner.run(http.__aenter__())
    yield World(runner, sandbox, http)
    runner.run(http.__aexit__(None, None, None))
    runner.run(sandbox.__aexit__(None, None, None))


def told(answer: object) -> object:
    match answer:
        case StockReading(level):
            return level.variant_id, level.available_quantity, level.status
        case _:
            return answer


@example(stock={like_paths: 3}, unknown=[])
@given(stock=stocks, unknown=strangers)
def test_reads_agree(
    world: World, stock: dict[ProductVariantId, int], unknown: list[ProductVariantId]
) -> None:
    """A page, and each of its variants alone, is the same over HTTP as in memory."""
    memory = InMemoryInventory(clock=CLOCK)
    world.sandbox.reset()
    for variant, quantity in stock.items():
        memory.set_stock(variant, quantity)
        world.sandbox.set_stock(variant, quantity)
    page = [*stock, *unknown, *stock]

    expected = world.told(memory, page)
    assert expected == world.told(world.http, page)
    assert [(variant, seen) for variant, seen in expected if isinstance(seen, UnknownVariant)] == [
        (variant, UnknownVariant(variant))
        for variant in dict.fromkeys(unknown)
        if variant not in stock
    ]
    for variant in page[:3]:
        assert world.told(memory, [variant]) == world.told(world.http, [variant])


@example(variant=like_paths)
@given(variant=text_ids())
def test_a_record_is_opened(world: World, variant: ProductVariantId) -> None:
    """A record of any text is opened once, under that text."""
    world.sandbox.reset()

    created = world.runner.run(world.http.initialize(an_initial_stock(variant), DEFAULT_CALL))
    again = world.runner.run(world.http.initialize(an_initial_stock(variant), DEFAULT_CALL))

    assert isinstance(created, Created)
    assert variant == created.item.variant_id
    assert isinstance(again, AlreadyThere)
    assert variant == again.level.variant_id


@given(before=st.text("ab,/%", max_size=5), others=st.lists(text_ids(), min_size=1, max_size=3))
def test_a_comma_costs_its_own_variant(
    world: World, before: str, others: list[ProductVariantId]
) -> None:
    """An id with a comma is read alone; among several it is refused, and the others are read."""
    world.sandbox.reset()
    variant = ProductVariantId(f"{before},")
    for each in (variant, *others):
        world.sandbox.set_stock(each, 7)

    [(_, alone)] = world.told(world.http, [variant])
    page = dict(world.told(world.http, [variant, *others]))

    assert isinstance(alone, tuple)
    assert 7 == alone[1]
    refused = page.pop(variant)
    assert isinstance(refused, Unreadable)
    assert isinstance(refused.error, RequestRejected)
    assert dict(world.told(world.http, others)) == page
