"""The service of the benchmarks keeps the contract: what is measured is what is used."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from benchmarks.service import Book, Connection
from benchmarks.surroundings import Came, Service, Variants
from shelfport import Settings, StockReading, build


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    book = Book()
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(book), "127.0.0.1", 0
    )
    async with server:
        yield Service(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")


async def test_shelfport_reads_it(service: Service) -> None:
    """Pages and single variants are read, validated, and every variant has a level."""
    ids = Variants().some(24)
    async with build(Settings(base_url=service.root)) as inventory:
        page = await inventory.get_stock_levels(ids)
        one = await inventory.get_stock_level(UUID(int=7))

    assert ids == list(page)
    assert {StockReading} == {type(level) for level in (*page.values(), one)}


async def test_it_counts_by_name(service: Service) -> None:
    """It tells each contestant's requests and ids apart, and says which came again; once."""
    ids = Variants().some(3)
    async with build(Settings(base_url=service.at("ours"))) as inventory:
        await inventory.get_stock_levels(ids)
        await inventory.get_stock_levels(ids[:1], max_staleness=0)

    assert {"/ours": Came(requests=2, ids=4, repeated=1)} == await service.came()
    assert {} == await service.came()


async def test_it_hangs_on_demand(service: Service) -> None:
    """In the mood `hang`, requests to `moody` are not answered until the mood is `answer`."""
    ids = Variants().some(1)
    async with build(Settings(base_url=service.at("moody"))) as inventory:
        await service.mood("hang")
        hung = await inventory.get_stock_levels(ids, deadline=0.05)
        await service.mood("answer")
        answered = await inventory.get_stock_levels(ids)

    assert [False, True] == [isinstance(page[ids[0]], StockReading) for page in (hung, answered)]
