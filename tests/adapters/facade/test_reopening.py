"""The façade opened again: in another event loop, after its loop was closed, and after a fork."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import pytest

from shelfport import (
    InitializationPolicy,
    InMemoryInventory,
    InventoryIntegration,
    ProductVariantId,
    Settings,
    StockReading,
    SystemClock,
    Unavailable,
    UnavailableReason,
    build,
)
from shelfport.adapters.bus.in_process import InProcessBus
from shelfport.adapters.facade.opening import Opening
from shelfport.domain.model import Answer, Call, QueueStats
from shelfport.errors import QueueFailed
from shelfport.options import CacheOptions, LimitOptions, QueueOptions
from shelfport.outbox import InMemoryQueue
from shelfport.signals import BreakerState
from tests.support.values import an_id, ids
from tests.support.waiting import eventually

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")


class Slow(InMemoryInventory):
    """Takes a moment for each answer, so that calls wait for each other."""

    async def read(
        self, ids: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        await asyncio.sleep(0.01)
        return await super().read(ids, call)


def in_a_new_loop(
    inventory: InventoryIntegration, use: Callable[[InventoryIntegration], Awaitable[Any]]
) -> Any:
    async def opening() -> Any:
        async with inventory:
            return await use(inventory)

    return asyncio.run(opening())


def test_calls_that_wait_for_a_slot() -> None:
    """The limit of concurrent requests works in each of several event loops."""
    settings = Settings(
        adapter="memory",
        limit=LimitOptions(max_concurrency=1),
        cache=CacheOptions(ttl=0, negative_ttl=0),
    )
    inventory = build(settings, adapter=Slow(clock=SystemClock()))

    async def page(number: int) -> object:
        await asyncio.sleep(number / 1000)  # calls of one turn of the loop would share a request
        return await inventory.get_stock_level(an_id(number + 1))

    async def pages(_: InventoryIntegration) -> set[object]:
        return set(await asyncio.gather(*map(page, range(5))))

    unknown = {Unavailable(UnavailableReason.UNKNOWN_VARIANT)}
    assert unknown == in_a_new_loop(inventory, pages)
    assert unknown == in_a_new_loop(inventory, pages)


def test_the_worker(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The queue's worker wakes and works in the second event loop as in the first."""
    queue = QueueOptions(url=f"sqlite:///{tmp_path}/queue.db", poll_interval=60)
    inventory = build(Settings(adapter="memory", queue=queue))

    async def queue_one(inventory: InventoryIntegration) -> bool:
        await asyncio.sleep(0.1)  # the worker has looked, and waits
        variant = uuid4()
        inventory.force_circuit(BreakerState.OPEN)
        await inventory.request_inventory_initialization(
            variant, policy=InitializationPolicy.RETRY_LATER
        )
        inventory.force_circuit(None)
        async with asyncio.timeout(5):
            while True:
                inventory.wake_worker()
                stock = await inventory.get_stock_level(variant, max_staleness=0)
                if isinstance(stock, StockReading):
                    return True
                await asyncio.sleep(0.02)

    assert in_a_new_loop(inventory, queue_one)
    assert in_a_new_loop(inventory, queue_one)
    assert "this is a bug" not in caplog.text


class Failing(InMemoryQueue):
    """Fails each time that the worker looks, and counts that."""

    looked = 0

    async def stats(self) -> QueueStats:
        self.looked += 1
        raise QueueFailed("the database is away")


def test_the_worker_of_a_queue_that_fails() -> None:
    """A worker that pauses after failures goes on to try in the second event loop."""
    queue = Failing()
    options = QueueOptions(poll_interval=0.1)
    inventory = build(Settings(adapter="memory", queue=options), queue=queue)

    async def looks(_: InventoryIntegration) -> int:
        before = queue.looked
        await eventually(lambda: queue.looked == before + 2)
        return queue.looked - before

    assert 2 == in_a_new_loop(inventory, looks)
    assert 2 == in_a_new_loop(inventory, looks)


def test_events(caplog: pytest.LogCaptureFixture) -> None:
    """Both subscriptions to one bus are connected in the second event loop as in the first."""
    inventory = build(Settings(adapter="memory"), bus=InProcessBus())

    async def invalidation_connected(inventory: InventoryIntegration) -> bool:
        await asyncio.sleep(0.05)
        events = inventory.snapshot().events
        return events is not None and events.invalidation.connected

    assert in_a_new_loop(inventory, invalidation_connected)
    assert in_a_new_loop(inventory, invalidation_connected)
    assert "bug" not in caplog.text
    assert "reconnecting" not in caplog.text


async def test_from_another_event_loop() -> None:
    """A call from another event loop raises at once, and the owner's calls go on."""
    async with build(Settings(adapter="memory")) as inventory:
        calls: list[Callable[[], Any]] = [
            lambda: inventory.get_stock_level(an_id(1)),
            lambda: inventory.get_stock_levels([an_id(1)]),
            lambda: inventory.request_inventory_initialization(an_id(1)),
            lambda: inventory.request_inventory_initializations([an_id(1)]),
        ]
        for call in calls:
            with pytest.raises(RuntimeError, match="opened in another event loop: use it from"):
                await asyncio.to_thread(asyncio.run, call())
        assert await inventory.get_stock_levels([an_id(1)])


def test_a_loop_that_ended_without_closing() -> None:
    """An integration whose event loop was closed first opens again, with new parts."""
    inventory = build(Settings(adapter="memory"))
    asyncio.run(inventory.__aenter__())

    page = in_a_new_loop(inventory, lambda i: i.get_stock_levels(ids(2)))

    assert list(ids(2)) == list(page)


def test_an_integration_that_was_not_built() -> None:
    """Without a way to build new parts, one that was left open says what to do."""
    inventory = build(Settings(adapter="memory"))
    inventory._rebuild = None
    asyncio.run(inventory.__aenter__())

    with pytest.raises(RuntimeError, match=r"was left open .*: make a new one"):
        asyncio.run(inventory.__aenter__())


def in_a_child(use: Callable[[], str]) -> str:
    """What `use` returns, or the error that it raises, in a forked child."""
    reading, writing = os.pipe()
    if (pid := os.fork()) == 0:
        asyncio._set_running_loop(None)
        try:
            said = use()
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(pid, 0)
    with os.fdopen(reading) as pipe:
        return pipe.read()


@needs_fork
@pytest.mark.parametrize("number", [1, 2])
async def test_use_in_a_forked_child(number: int) -> None:
    """In a forked child a hit and a miss raise at once, and name both processes."""
    memory = InMemoryInventory(clock=SystemClock())
    memory.set_stock(an_id(1), 5)
    async with build(Settings(adapter="memory"), adapter=memory) as inventory:
        await inventory.get_stock_level(an_id(1))

        said = in_a_child(lambda: str(asyncio.run(_ask(inventory, number))))

        assert said.startswith("RuntimeError: this InventoryIntegration was opened in process")
        assert f" {os.getpid()}, which forked this one" in said
        assert "open it in each process, after the fork" in said
        assert isinstance(await inventory.get_stock_level(an_id(1)), StockReading)


async def _ask(inventory: InventoryIntegration, number: int) -> object:
    return await inventory.get_stock_level(an_id(number))


@needs_fork
async def test_a_forked_child_opens_its_own(tmp_path: Path) -> None:
    """A child opens what its parent built and has open, queue included, and the parent goes on."""
    queue = QueueOptions(url=f"sqlite:///{tmp_path}/queue.db")
    async with build(Settings(adapter="memory", queue=queue)) as inventory:

        def use() -> str:
            page = in_a_new_loop(inventory, lambda i: i.get_stock_levels([an_id(1)]))
            return f"{len(page)} value, open: {inventory.snapshot().open}"

        assert "1 value, open: False" == in_a_child(use)
        assert inventory.snapshot().open
        assert await inventory.get_stock_levels([an_id(1)])


@needs_fork
async def test_a_forked_child_closes_nothing_of_its_parent() -> None:
    """Leaving the context in a child closes nothing."""
    closed: list[str] = []

    class Told(InMemoryInventory):
        async def __aenter__(self) -> Self:
            return self

        async def __aexit__(self, *_: object) -> None:
            closed.append("closed")

    async with build(Settings(adapter="memory"), adapter=Told(clock=SystemClock())) as inventory:

        def leave() -> str:
            asyncio.run(inventory.__aexit__(None, None, None))
            return str(closed)

        assert "[]" == in_a_child(leave)


async def test_an_opening_of_this_loop() -> None:
    """An opening in a loop that runs, in this process, is not left behind."""
    assert not Opening().is_left_behind


async def test_an_opening_left_behind() -> None:
    """An opening is left behind when its loop is closed, or its process is another one."""
    loop = asyncio.new_event_loop()
    loop.close()
    assert Opening(loop=loop).is_left_behind
    assert Opening(pid=os.getpid() + 1).is_left_behind
