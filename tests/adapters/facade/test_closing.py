"""Closing the façade while calls are under way."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import NoReturn

import pytest

from shelfport import (
    Created,
    InitializationPolicy,
    InMemoryInventory,
    NotInitialized,
    ProductVariantId,
    Queued,
    Settings,
    SystemClock,
    Unavailable,
    build,
)
from shelfport.adapters.facade import opening
from shelfport.domain.model import DEFAULT_CALL, Answer, Call, InitialStock, ReachedService
from shelfport.errors import OverloadedHere
from shelfport.options import QueueOptions
from shelfport.outbox import InMemoryQueue
from tests.support.ports import ScriptedPort, raising
from tests.support.values import an_id, ids


class Hanging(InMemoryInventory):
    """Answers nothing for `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(clock=SystemClock())
        self.seconds = seconds
        self.begun = asyncio.Event()

    async def read(
        self, ids: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        self.begun.set()
        await asyncio.sleep(self.seconds)
        return await super().read(ids, call)

    async def initialize(self, request: InitialStock, call: Call) -> Created:
        self.begun.set()
        await asyncio.sleep(self.seconds)
        return await super().initialize(request, call)  # type: ignore[return-value]  # no record yet


@pytest.fixture(autouse=True)
def short_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "SHUTDOWN_TIMEOUT", 0.1)


async def test_an_initialization_ends_first() -> None:
    """Closing waits for an initialization that the service answers in time."""
    service = Hanging(0.02)
    async with build(Settings(adapter="memory"), adapter=service) as inventory:
        asked = asyncio.create_task(inventory.request_inventory_initialization(an_id(1)))
        await service.begun.wait()

    assert isinstance(await asked, Created)


async def test_an_initialization_that_hangs() -> None:
    """Under ROLL_BACK the caller gets an InventoryError, and the request may have arrived."""
    service = Hanging(60)
    settings = Settings(adapter="memory", deadline=60)
    async with build(settings, adapter=service) as inventory:
        asked = asyncio.create_task(inventory.request_inventory_initialization(an_id(1)))
        await service.begun.wait()

    with pytest.raises(OverloadedHere, match="this process is shutting down") as caught:
        await asked
    assert ReachedService.UNKNOWN is caught.value.reached_service


async def test_a_policy_that_queues() -> None:
    """Under a policy that queues, the hanging request is queued, as one that may have arrived."""
    service, queue = Hanging(60), InMemoryQueue()
    settings = Settings(adapter="memory", deadline=60, queue=QueueOptions(worker=False))
    async with build(settings, adapter=service, queue=queue) as inventory:
        asked = asyncio.create_task(
            inventory.request_inventory_initialization(
                an_id(1), policy=InitializationPolicy.RETRY_LATER
            )
        )
        await service.begun.wait()

    outcome = await asked
    assert isinstance(outcome, Queued)
    assert 1 == outcome.entry.tries
    assert [outcome.entry] == list(await queue.entries())


async def test_many_at_once() -> None:
    """Of many initializations each has an outcome; those that did not begin reached nothing."""
    service = Hanging(60)
    settings = Settings(adapter="memory", deadline=60)
    async with build(settings, adapter=service) as inventory:
        asked = asyncio.create_task(inventory.request_inventory_initializations(ids(20)))
        await service.begun.wait()

    outcomes = [o for o in (await asked).values() if isinstance(o, NotInitialized)]
    assert 20 == len(outcomes)
    assert {ReachedService.UNKNOWN, ReachedService.NO} == {
        o.error.reached_service for o in outcomes
    }


async def test_reads_under_way() -> None:
    """A page that is under way gets its values; it does not raise."""
    service = Hanging(60)
    settings = Settings(adapter="memory", deadline=60)
    async with build(settings, adapter=service) as inventory:
        asked = [asyncio.create_task(inventory.get_stock_levels(ids(n))) for n in (1, 2, 3)]
        await service.begun.wait()

    for page in await asyncio.wait_for(asyncio.gather(*asked), 5):
        assert {Unavailable} == {type(value) for value in page.values()}


async def test_a_new_initialization_while_closing() -> None:
    """While it is being closed, a new initialization is refused, and a page is still served."""
    service = Hanging(0.05)
    inventory = build(Settings(adapter="memory"), adapter=service)
    await inventory.__aenter__()
    asked = asyncio.create_task(inventory.request_inventory_initialization(an_id(1)))
    await service.begun.wait()
    closing = asyncio.create_task(inventory.__aexit__(None, None, None))
    await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="is not open"):
        await inventory.request_inventory_initialization(an_id(2))
    assert [an_id(3)] == list(await inventory.get_stock_levels([an_id(3)]))
    await closing
    assert isinstance(await asked, Created)


async def test_a_caller_that_gives_up() -> None:
    """A caller's own cancellation stays one, while closing waits as well."""
    service = Hanging(60)
    async with build(Settings(adapter="memory", deadline=60), adapter=service) as inventory:
        asked = asyncio.create_task(inventory.request_inventory_initialization(an_id(1)))
        await service.begun.wait()
        asked.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asked


async def test_a_read_whose_parts_were_closed() -> None:
    """A RuntimeError of a part that was closed during a read is an InventoryError by then."""
    place = opening.Opening()

    async def closed(_ids: object, _call: object) -> NoReturn:
        place.is_ended = True
        raise RuntimeError("the HTTP session is not open")

    port = opening.OpenPort(ScriptedPort(closed), place)

    with pytest.raises(OverloadedHere, match="this process is shutting down"):
        await port.read((an_id(1),), DEFAULT_CALL)


async def test_a_bug_is_not_hidden() -> None:
    """A RuntimeError while the integration is open is raised as it is."""
    port = opening.OpenPort(ScriptedPort(raising(RuntimeError("a bug"))), opening.Opening())

    with pytest.raises(RuntimeError, match="a bug"):
        await port.read((an_id(1),), DEFAULT_CALL)
