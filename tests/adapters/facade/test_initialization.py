"""Initialisation through the façade: policies, many at once, the queue and its worker."""

import asyncio
import sys
from pathlib import Path
from uuid import uuid4

import attrs
import pytest
from dependency_injector import providers

from shelfport import (
    AlreadyThere,
    Container,
    Created,
    InitializationPolicy,
    InMemoryInventory,
    InventoryIntegration,
    NewVariant,
    NotInitialized,
    PermanentlyRejected,
    ProductVariantId,
    Queued,
    Settings,
    StockReading,
    SystemClock,
    Unavailable,
    build,
    request_context,
)
from shelfport.adapters.composition.queue_worker import one_attempt
from shelfport.adapters.config.settings import InitializationOptions, SettingsError
from shelfport.adapters.layers import ConcurrencyLimitLayer
from shelfport.contracts.sandbox import Faults, Sandbox
from shelfport.errors import QueueFailed, RequestRejected, ServiceFailed
from shelfport.options import LimitOptions, QueueOptions
from shelfport.outbox import InitializationQueue, InMemoryQueue
from shelfport.ports import QueueSnapshot
from shelfport.signals import InitializationDone
from tests.adapters.queue.world import Catalogue
from tests.support.clocks import LoopClock
from tests.support.values import an_id, ids

RETRY_LATER = InitializationPolicy.RETRY_LATER
NOT_ORDERABLE = InitializationPolicy.NOT_ORDERABLE
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
MEMORY = QueueOptions(url="memory:")
DOWN = ServiceFailed("500")


@attrs.define
class Host:
    """An integration in the loop's time, and what stands behind it."""

    settings: Settings = attrs.field(factory=lambda: Settings(queue=MEMORY))
    clock: LoopClock = attrs.field(factory=LoopClock)
    log: list[str] = attrs.field(factory=list)
    memory: InMemoryInventory = attrs.field(init=False)
    catalogue: Catalogue = attrs.field(init=False)
    container: Container = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.memory = InMemoryInventory(clock=self.clock)
        self.catalogue = Catalogue(self.log)
        self.container = Container(
            settings=providers.Object(self.settings),
            clock=providers.Object(self.clock),
            adapter=providers.Object(self.memory),
            catalog=providers.Object(self.catalogue),
        )

    @property
    def inventory(self) -> InventoryIntegration:
        return self.container.integration()

    @property
    def queue(self) -> InitializationQueue:
        queue = self.container.queue()
        assert queue is not None
        return queue


def test_a_policy_that_queues_needs_a_queue() -> None:
    """Settings with such a policy, and without an address of the queue, make no sense."""
    with pytest.raises(ValueError, match=r"initialization\.policy is RETRY_LATER, .* set queue\.url"):
        Settings(initialization=InitializationOptions(policy=RETRY_LATER))


def test_not_orderable_needs_a_catalogue() -> None:
    """The policy NOT_ORDERABLE without a catalogue is refused, unless a worker elsewhere has it."""
    initial = InitializationOptions(policy=NOT_ORDERABLE)

    with pytest.raises(SettingsError, match="give one to build"):
        build(Settings(queue=MEMORY, initialization=initial))
    build(Settings(queue=MEMORY, initialization=initial), catalog=Catalogue([]))
    build(Settings(queue=attrs.evolve(MEMORY, worker=False), initialization=initial))


@pytest.mark.parametrize(
    ("policy", "settings", "words"),
    [
        (RETRY_LATER, Settings(), "policy is RETRY_LATER, which needs a queue: set queue.url"),
        (NOT_ORDERABLE, Settings(queue=MEMORY), "which needs the host's catalogue: give one"),
    ],
)
async def test_a_policy_that_cannot_be_kept(
    policy: InitializationPolicy, settings: Settings, words: str
) -> None:
    """A call's policy that cannot be kept is refused before anybody is asked."""
    async with build(settings) as inventory:
        with pytest.raises(ValueError, match=words):
            await inventory.request_inventory_initialization(an_id(1), policy=policy)
        with pytest.raises(ValueError, match=words):
            await inventory.request_inventory_initializations([an_id(1)], policy=policy)
        with pytest.raises(ValueError, match=words):
            inventory.initialization_entry(an_id(1), policy=policy)


async def test_rolling_back_is_the_default() -> None:
    """Without a policy what fails is raised, also where there is a queue."""
    host = Host()
    host.memory.fail_with(RequestRejected("no"))
    async with host.inventory as inventory:
        with pytest.raises(RequestRejected):
            await inventory.request_inventory_initialization(an_id(1))
        assert 0 == (await host.queue.stats()).waiting


@pytest.mark.looptime
@pytest.mark.parametrize("policy", [RETRY_LATER, NOT_ORDERABLE])
async def test_from_the_queue_to_the_record(policy: InitializationPolicy) -> None:
    """What was queued is done when the service is back, and pages ask for it at once."""
    host, variant = Host(), an_id(1)
    host.memory.fail_with(DOWN)
    async with host.inventory as inventory:
        outcome = await inventory.request_inventory_initialization(
            variant, initial_quantity=7, policy=policy
        )
        assert isinstance(outcome, Queued)
        await asyncio.sleep(20)
        assert {} == host.catalogue.orderable or not host.catalogue.orderable[variant]
        host.memory.fail_with(None)
        assert isinstance(await inventory.get_stock_level(variant), Unavailable)
        await asyncio.sleep(1200)

        reading = await inventory.get_stock_level(variant)
        assert isinstance(reading, StockReading)
        assert 7 == reading.level.available_quantity
        assert 0 == (await host.queue.stats()).waiting

    marks = {RETRY_LATER: [], NOT_ORDERABLE: ["mark_not_orderable", "mark_orderable"]}
    assert marks[policy] == host.log


@pytest.mark.looptime
async def test_pages_learn_of_a_record_at_once() -> None:
    """That a variant is unknown is not believed any longer once the worker opened its record."""
    host, variant = Host(), an_id(1)
    async with host.inventory as inventory:
        assert isinstance(await inventory.get_stock_level(variant), Unavailable)
        await host.queue.add(inventory.initialization_entry(variant))
        inventory.wake_worker()
        await asyncio.sleep(0.1)
        assert isinstance(await inventory.get_stock_level(variant), StockReading)


async def test_refused_for_good() -> None:
    """Under a policy that queues, a refusal for good is an outcome, and waits for nothing."""
    host = Host()
    host.memory.fail_with(error := RequestRejected("no"))
    async with host.inventory as inventory:
        outcome = await inventory.request_inventory_initialization(an_id(1), policy=RETRY_LATER)
        assert isinstance(outcome, PermanentlyRejected)
        assert str(error) == str(outcome.error)


async def test_many_variants() -> None:
    """Each variant of a product has its own numbers and its own outcome, in the order asked."""
    a, b, c = ids(3)
    host = Host()
    host.memory.set_stock(b, 5)
    key = uuid4()
    async with host.inventory as inventory:
        outcomes = await inventory.request_inventory_initializations(
            [a, NewVariant(b), NewVariant(str(c), initial_quantity=9, idempotency_key=key)],
            initial_quantity=2,
        )

        assert [a, b, str(c)] == list(outcomes)
        first, second, third = outcomes.values()
        assert isinstance(first, Created)
        assert isinstance(third, Created)
        assert isinstance(second, AlreadyThere)
        assert (2, 9) == (first.item.quantity, third.item.quantity)
        assert third == await inventory.request_inventory_initialization(
            c, initial_quantity=9, idempotency_key=key
        )


@pytest.mark.parametrize(
    ("policy", "outcome"), [(InitializationPolicy.ROLL_BACK, NotInitialized), (RETRY_LATER, Queued)]
)
async def test_failures_of_many(policy: InitializationPolicy, outcome: type) -> None:
    """What a single request would raise is a value here, so that no outcome is hidden."""
    host = Host()
    host.memory.fail_with(DOWN)
    async with host.inventory as inventory:
        outcomes = await inventory.request_inventory_initializations(ids(3), policy=policy)
        assert [outcome] * 3 == [type(one) for one in outcomes.values()]
        assert {} == await inventory.request_inventory_initializations([], policy=policy)


async def test_what_cannot_be_asked_for() -> None:
    """A variant named twice, or a text in place of a list, is refused before anybody is asked."""
    host = Host()
    async with host.inventory as inventory:
        with pytest.raises(ValueError, match="is asked for twice"):
            await inventory.request_inventory_initializations([an_id(1), NewVariant(an_id(1))])
        with pytest.raises(ValueError, match="is one variant: pass a list"):
            await inventory.request_inventory_initializations(str(an_id(1)))
        with pytest.raises(ValueError, match="initial_quantity is -1"):
            await inventory.request_inventory_initializations([an_id(1)], initial_quantity=-1)
    assert "InMemoryInventory(0 records)" == repr(host.memory)


async def test_so_many_of_many_at_once() -> None:
    """A product's many variants go out a few at a time."""
    most = under_way = 0

    class Slow(InMemoryInventory):
        async def initialize(self, *arguments: object) -> Created:
            nonlocal most, under_way
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0)
            under_way -= 1
            return await super().initialize(*arguments)  # type: ignore[arg-type,return-value]  # any

    settings = Settings(
        initialization=InitializationOptions(max_concurrency=3),
        limit=LimitOptions(max_concurrency=10),
    )
    async with build(settings, adapter=Slow(clock=SystemClock())) as inventory:
        assert 20 == len(await inventory.request_inventory_initializations(ids(20)))
    assert 3 == most


@pytest.mark.parametrize(
    ("initial", "given", "policy"),
    [
        (InitializationPolicy.ROLL_BACK, None, RETRY_LATER),
        (NOT_ORDERABLE, None, NOT_ORDERABLE),
        (NOT_ORDERABLE, RETRY_LATER, RETRY_LATER),
    ],
)
def test_an_entry_for_the_hosts_transaction(
    initial: InitializationPolicy, given: InitializationPolicy | None, policy: InitializationPolicy
) -> None:
    """An entry is made of what the host says, the settings and the request under way; no I/O."""
    settings = Settings(
        queue=MEMORY, initialization=InitializationOptions(policy=initial, default_quantity=3)
    )
    inventory = build(settings, catalog=Catalogue([]))
    key = uuid4()

    with request_context(correlation_id="c", traceparent=TRACE):
        entry = inventory.initialization_entry(
            str(an_id(1)), low_stock_threshold=4, policy=given, idempotency_key=key
        )

    assert (an_id(1), 3, 4, key, policy, "c", TRACE, 0) == (
        entry.request.variant_id,
        entry.request.initial_quantity,
        entry.request.low_stock_threshold,
        entry.request.idempotency_key,
        entry.policy,
        entry.correlation_id,
        entry.traceparent,
        entry.attempts,
    )


def test_an_entry_is_not_for_rolling_back() -> None:
    """An entry of the policy that queues nothing cannot be made."""
    with pytest.raises(ValueError, match="policy is ROLL_BACK: it must be RETRY_LATER"):
        build(Settings(queue=MEMORY)).initialization_entry(
            an_id(1), policy=InitializationPolicy.ROLL_BACK
        )


@pytest.mark.looptime
async def test_the_snapshot_tells_of_the_queue() -> None:
    """Without a queue there is nothing to tell; with one, what the worker saw last."""
    assert build(Settings()).snapshot().queue is None
    build(Settings()).wake_worker()
    alone = Host(Settings(queue=attrs.evolve(MEMORY, worker=False)))
    async with alone.inventory as inventory:
        assert QueueSnapshot(as_of=None) == inventory.snapshot().queue

    host = Host()
    host.memory.fail_with(RequestRejected("no"))
    async with host.inventory as inventory:
        await host.queue.add(inventory.initialization_entry(an_id(1)))
        await asyncio.sleep(10)
        seen = inventory.snapshot().queue
        assert seen is not None
        assert (0, 1, None) == (seen.waiting, seen.dead_letters, seen.error)


def test_the_worker_shares_what_guards_the_service() -> None:
    """The worker's requests go through the very limit and breaker of the pages."""
    container = Host().container
    worker = container.worker()
    assert worker is not None

    limit = one_attempt(container.port())
    assert isinstance(limit, ConcurrencyLimitLayer)
    assert limit is worker.attempts.port.inner  # type: ignore[attr-defined]  # a layer has one
    assert container.breaker() is worker.breaker
    memory = InMemoryInventory(clock=SystemClock())
    assert memory is one_attempt(memory)


def test_building_opens_nothing(tmp_path: Path) -> None:
    """The queue's file is made when the integration is entered, in whichever process that is."""
    file = tmp_path / "queue.db"
    build(Settings(queue=QueueOptions(url=f"sqlite:///{file}")))

    assert not file.exists()


async def test_a_queue_that_cannot_be_opened(tmp_path: Path) -> None:
    """An integration whose queue cannot be opened does not open, and says why."""
    inventory = build(Settings(queue=QueueOptions(url=f"sqlite:///{tmp_path}/none/queue.db")))
    with pytest.raises(QueueFailed, match="the folder must exist"):
        await inventory.__aenter__()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://u:s3cr3t@db/x", "queue.url begins with mysql"),
        ("", "queue.url is empty|url is empty"),
    ],
)
def test_addresses_that_are_none(url: str, words: str) -> None:
    """An address of no queue is refused when the integration is built, and not quoted."""
    with pytest.raises(ValueError, match=words) as caught:
        build(Settings(queue=QueueOptions(url=url)))
    assert "s3cr3t" not in str(caught.value)


def test_the_address_is_a_secret() -> None:
    """Whatever prints settings prints no password of the queue's database."""
    settings = Settings(queue=QueueOptions(url="postgresql://shop:s3cr3t@db/shop"))

    assert "s3cr3t" not in f"{settings!r} {settings.queue} {build(settings)!r}"


def test_a_missing_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without SQLAlchemy one sentence says which extras bring it."""
    for name in [n for n in sys.modules if n.startswith("shelfport.adapters.queue.sql.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)

    with pytest.raises(SettingsError, match=r"pip install 'shelfport\[sqlite\]' or"):
        build(Settings(queue=QueueOptions(url="sqlite:///queue.db")))


async def test_across_a_restart(tmp_path: Path) -> None:
    """What one process queued another one does: with the same key, under the host's own ids."""
    queue = QueueOptions(url=f"sqlite:///{tmp_path}/queue.db", base_delay=0.01, poll_interval=0.05)
    variant = ProductVariantId(uuid4())
    async with Sandbox(seed=()) as sandbox:
        settings = Settings(
            base_url=sandbox.url, queue=attrs.evolve(queue, worker=False), deadline=2
        )
        sandbox.faults = Faults(mode="down")
        with request_context(traceparent=TRACE):
            async with build(settings) as inventory:
                outcome = await inventory.request_inventory_initialization(
                    variant, policy=RETRY_LATER, correlation_id="the-host's"
                )
        assert isinstance(outcome, Queued)
        before = len(sandbox.journal)
        sandbox.faults = Faults()

        done = asyncio.Event()
        container = Container(
            settings=providers.Object(attrs.evolve(settings, queue=queue)),
            listener=providers.Object(
                lambda signal: done.set() if isinstance(signal, InitializationDone) else None
            ),
        )
        async with container.integration() as inventory:
            await asyncio.wait_for(done.wait(), 10)
            assert isinstance(await inventory.get_stock_level(variant), StockReading)

        ours = [e for e in sandbox.journal[before:] if e.correlation_id == "the-host's"]
        assert [("GET", 404), ("POST", 201)] == [(e.method, e.status) for e in ours]
        keys = {e.idempotency_key for e in sandbox.journal if e.method == "POST"}
        assert {str(outcome.entry.request.idempotency_key)} == keys
        assert {TRACE} == {entry.traceparent for entry in ours}


def test_a_memory_queue_is_one_of_our_own() -> None:
    """memory: makes the queue that forgets."""
    assert isinstance(Container(settings=Settings(queue=MEMORY)).queue(), InMemoryQueue)
