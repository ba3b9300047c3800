"""`SyncInventoryIntegration`: its methods, threads, forks, and the end of the process."""

import asyncio
import inspect
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from shelfport import (
    AlreadyThere,
    Created,
    InitializationPolicy,
    InMemoryInventory,
    InventoryIntegration,
    NewVariant,
    Queued,
    Settings,
    StockReading,
    SystemClock,
    Unavailable,
    build,
    request_context,
)
from shelfport.adapters.facade.sync import SyncInventoryIntegration
from shelfport.errors import ServiceFailed
from shelfport.options import QueueOptions
from shelfport.signals import BreakerState
from tests.support.ports import ScriptedPort
from tests.support.values import an_id, ids


@pytest.fixture
def memory() -> InMemoryInventory:
    return InMemoryInventory(clock=SystemClock())


@pytest.fixture(params=["opened", "opened again"])
def inventory(
    memory: InMemoryInventory, request: pytest.FixtureRequest
) -> Iterator[SyncInventoryIntegration]:
    """It is open; or it was open before, in another thread."""
    settings = Settings(queue=QueueOptions(url="memory:", worker=False))
    inventory = SyncInventoryIntegration(build(settings, adapter=memory))
    if request.param == "opened again":
        with inventory:
            pass
    with inventory:
        yield inventory


def quantities(page: Mapping[Any, StockReading | Unavailable]) -> list[int | None]:
    return [
        stock.level.available_quantity if isinstance(stock, StockReading) else None
        for stock in page.values()
    ]


def test_stock(inventory: SyncInventoryIntegration, memory: InMemoryInventory) -> None:
    """A page is read from a thread without an event loop, an unknown variant included."""
    memory.set_stock(an_id(1), 5)

    page = inventory.get_stock_levels([an_id(1), str(an_id(2))])

    assert [an_id(1), str(an_id(2))] == list(page)
    assert [5, None] == quantities(page)
    assert page[an_id(1)] == inventory.get_stock_level(an_id(1), deadline=1).kept_as(  # type: ignore[union-attr]  # it is a reading
        page[an_id(1)].freshness  # type: ignore[union-attr]  # it is a reading
    )


def test_initialization(inventory: SyncInventoryIntegration) -> None:
    """Records are opened, one or many, with every argument handed on."""
    created = inventory.request_inventory_initialization(an_id(1), initial_quantity=3)
    many = inventory.request_inventory_initializations(
        [an_id(1), NewVariant(an_id(2), initial_quantity=7)], initial_quantity=1
    )

    assert isinstance(created, Created)
    assert 3 == created.item.quantity
    assert [AlreadyThere, Created] == [type(outcome) for outcome in many.values()]
    assert [3, 7] == quantities(inventory.get_stock_levels([an_id(1), an_id(2)]))


def test_a_queue(inventory: SyncInventoryIntegration, memory: InMemoryInventory) -> None:
    """A failed request is queued, and entries are made without I/O."""
    memory.fail_with(ServiceFailed("down"))

    outcome = inventory.request_inventory_initialization(
        an_id(1), policy=InitializationPolicy.RETRY_LATER, correlation_id="shop-1"
    )
    entry = inventory.initialization_entry(an_id(2), initial_quantity=4)
    inventory.wake_worker()

    assert isinstance(outcome, Queued)
    assert "shop-1" == outcome.entry.correlation_id
    assert 4 == entry.request.initial_quantity


def test_errors_arrive_as_they_are(
    inventory: SyncInventoryIntegration, memory: InMemoryInventory
) -> None:
    """An error of the façade is raised in the calling thread."""
    memory.fail_with(ServiceFailed("down"))

    with pytest.raises(ServiceFailed):
        inventory.request_inventory_initialization(an_id(1))
    with pytest.raises(ValueError, match="is one variant"):
        inventory.get_stock_levels("c9bf9e57-1685-4c89-bafb-ff5af830be8a")


def test_snapshot_and_circuit(inventory: SyncInventoryIntegration) -> None:
    """Any thread can force the circuit and read the snapshot, also of a closed integration."""
    inventory.force_circuit(BreakerState.OPEN)

    assert BreakerState.OPEN is inventory.snapshot().circuit_breaker.state
    assert isinstance(inventory.get_stock_level(an_id(1)), Unavailable)
    inventory.close()
    assert inventory.snapshot().queue is not None


def test_context_variables_go_with_the_call() -> None:
    """In each thread, a call has the correlation id of its own request."""
    port = ScriptedPort()

    def page(number: int) -> None:
        with request_context(correlation_id=f"request-{number}"):
            shop.request_inventory_initialization(an_id(number))

    with (
        SyncInventoryIntegration(build(Settings(), adapter=port)) as shop,
        ThreadPoolExecutor(8) as threads,
    ):
        list(threads.map(page, range(1, 101)))

    assert {an_id(n): f"request-{n}" for n in range(1, 101)} == {
        asked.variant_id: call.correlation_id for asked, call in port.initializations
    }


def test_threads_share_one_integration(memory: InMemoryInventory) -> None:
    """Sixteen threads call at once, and each gets its own answer."""
    for number, variant in enumerate(ids(16)):
        memory.set_stock(variant, number)
    barrier = threading.Barrier(16)

    def ask(number: int) -> list[int | None]:
        barrier.wait(10)
        return [*quantities(shop.get_stock_levels([an_id(number + 1)]))]

    with (
        SyncInventoryIntegration(build(Settings(), adapter=memory)) as shop,
        ThreadPoolExecutor(16) as threads,
    ):
        assert [[number] for number in range(16)] == list(threads.map(ask, range(16)))


async def test_from_another_loop(memory: InMemoryInventory) -> None:
    """A coroutine of another loop can call without blocking it; its context variables apply."""
    port = ScriptedPort()
    inventory = SyncInventoryIntegration(build(Settings(), adapter=port))
    await asyncio.to_thread(inventory.open)
    try:
        with request_context(correlation_id="request-1"):
            stock = await inventory.run(lambda i: i.get_stock_level(an_id(1)))
    finally:
        await asyncio.to_thread(inventory.close)

    assert isinstance(stock, StockReading)
    assert ["request-1"] == [call.correlation_id for _, call in port.reads]


async def test_called_in_a_coroutine(memory: InMemoryInventory) -> None:
    """A blocking call in a coroutine is refused at once, with the method that does not block."""
    inventory = SyncInventoryIntegration(build(Settings(), adapter=memory))
    await asyncio.to_thread(inventory.open)
    try:
        with pytest.raises(RuntimeError, match=r"use `await inventory\.run\(") as caught:
            inventory.get_stock_level(an_id(1))
        assert await asyncio.to_thread(inventory.get_stock_level, an_id(1)) is not None
    finally:
        await asyncio.to_thread(inventory.close)

    assert "\n" not in str(caught.value)


async def test_a_cancelled_coroutine_cancels_its_call() -> None:
    """Cancelling a waiting coroutine cancels its call."""
    begun, ended = threading.Event(), threading.Event()

    async def hang(_: object) -> None:
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    with SyncInventoryIntegration(build(Settings(adapter="memory"))) as inventory:
        task = asyncio.create_task(inventory.run(hang))
        assert await asyncio.to_thread(begun.wait, 10)
        task.cancel()
        assert await asyncio.to_thread(ended.wait, 10)


def test_not_open() -> None:
    """Before it is opened, and after it was closed, the error says what to do."""
    inventory = SyncInventoryIntegration(build(Settings(adapter="memory")))
    with pytest.raises(RuntimeError, match=r"is not open: open it where the process begins"):
        inventory.get_stock_level(an_id(1))
    inventory.open()
    inventory.close()
    inventory.close()
    with pytest.raises(RuntimeError, match="is not open"):
        inventory.get_stock_level(an_id(1))


def test_open_twice() -> None:
    """A second opening is refused, and the first one goes on."""
    with SyncInventoryIntegration(build(Settings(adapter="memory"))) as inventory:
        with pytest.raises(RuntimeError, match="open already"):
            inventory.open()
        assert isinstance(inventory.get_stock_level(an_id(1)), Unavailable)


def test_a_failed_opening_leaves_no_thread(tmp_path: Path) -> None:
    """If opening fails, its error is raised, no thread stays, and opening can be repeated."""
    url = f"sqlite:///{tmp_path / 'missing' / 'queue.db'}"
    inventory = SyncInventoryIntegration(
        build(Settings(adapter="memory", queue=QueueOptions(url=url)))
    )
    with pytest.raises(Exception, match="cannot be opened"):
        inventory.open()
    assert [] == [t for t in threading.enumerate() if t.name == "shelfport"]

    (tmp_path / "missing").mkdir()
    inventory.open()
    inventory.close()


def test_called_from_its_own_loop() -> None:
    """A host's callback that calls the façade from its own loop gets an error and does not hang."""

    def mapper(variant: str) -> Any:
        return shop.get_stock_level("another")

    shop = SyncInventoryIntegration(build(Settings(adapter="memory"), mapper=mapper))
    with shop, pytest.raises(RuntimeError, match="event loop would stand still"):
        shop.get_stock_level("one")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_a_forked_child_is_told_what_to_do() -> None:
    """In a child forked after opening, calls raise at once, and its exit closes nothing."""
    printed = run_python("""
        import os, sys
        from shelfport import *
        from shelfport.options import *
        from shelfport.sync import SyncInventoryIntegration
        with SyncInventoryIntegration(build(Settings(adapter="memory"))) as inventory:
            if (pid := os.fork()) == 0:
                for ask in (lambda: inventory.get_stock_level(str(os.getppid())), inventory.open):
                    try: ask()
                    except RuntimeError as error: print(error, flush=True)
            else:
                os.waitpid(pid, 0)
                print(inventory.get_stock_level("c9bf9e57-1685-4c89-bafb-ff5af830be8a"))
    """)

    child, parent = printed.splitlines()
    assert "open it in each worker, after the fork (gunicorn: in the hook post_fork" in child
    assert "Stock information unavailable" == parent


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
@pytest.mark.parametrize("steps", [["open"], ["close", "open"], ["close", "open", "close", "open"]])
def test_a_forked_child_opens_its_own(steps: list[str]) -> None:
    """A child opens what its parent has open, whether or not it closes it first."""
    printed = run_python(f"""
        import os
        from shelfport import *
        from shelfport.sync import SyncInventoryIntegration
        variant = "c9bf9e57-1685-4c89-bafb-ff5af830be8a"
        inventory = SyncInventoryIntegration(build(Settings(adapter="memory")))
        inventory.open()
        if (pid := os.fork()) == 0:
            for step in {steps}: getattr(inventory, step)()
            print("child:", inventory.get_stock_level(variant), flush=True)
        else:
            os.waitpid(pid, 0)
            print("parent:", inventory.get_stock_level(variant))
    """)

    stock = "Stock information unavailable"
    assert [f"child: {stock}", f"parent: {stock}"] == printed.splitlines()


def test_calls_while_it_is_closed() -> None:
    """An initialization that closing overtakes ends in its result, not in a stopped thread."""
    begun = threading.Event()

    class Slow(InMemoryInventory):
        async def initialize(self, request: Any, call: Any) -> Any:
            begun.set()
            await asyncio.sleep(0.05)
            return await super().initialize(request, call)

    inventory = SyncInventoryIntegration(
        build(Settings(adapter="memory"), adapter=Slow(clock=SystemClock()))
    )
    with ThreadPoolExecutor(1) as threads:
        with inventory:
            asked = threads.submit(inventory.request_inventory_initialization, an_id(1))
            assert begun.wait(10)
        assert isinstance(asked.result(10), Created)


def test_the_end_of_the_process_closes_it(tmp_path: Path) -> None:
    """A program that never closes it exits, with the queue closed and without output."""
    printed = run_python(f"""
        from shelfport import *
        from shelfport.options import *
        from shelfport.sync import SyncInventoryIntegration
        class Told(InMemoryInventory):
            async def __aenter__(self): return self
            async def __aexit__(self, *_): print("closed")
        settings = Settings(queue=QueueOptions(url="sqlite:///{tmp_path}/queue.db"))
        inventory = SyncInventoryIntegration(build(settings, adapter=Told(clock=SystemClock())))
        inventory.open()
        print("the end")
    """)

    assert "the end\nclosed" == printed


def run_python(code: str) -> str:
    """The output of a new interpreter, in which every warning is an error."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-X", "dev", "-c", inspect.cleandoc(code)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ("", 0) == (done.stderr, done.returncode)
    return done.stdout.strip()


def public(kind: type) -> dict[str, Any]:
    return {
        name: member
        for name, member in vars(kind).items()
        if not name.startswith("_") and callable(member)
    }


OF_ITS_OWN = {"open", "close", "run"}


def test_the_same_methods() -> None:
    """Both façades have the same public methods, except those for opening and closing."""
    assert set(public(InventoryIntegration)) == set(public(SyncInventoryIntegration)) - OF_ITS_OWN


@pytest.mark.parametrize("name", sorted(public(InventoryIntegration)))
def test_the_same_signatures(name: str) -> None:
    """Parameters, defaults, types and results are the same in both façades."""
    one, other = getattr(InventoryIntegration, name), getattr(SyncInventoryIntegration, name)

    assert inspect.signature(one) == inspect.signature(other)
    assert get_type_hints(one) == get_type_hints(other)
    assert not inspect.iscoroutinefunction(other)
