"""Initialization through the façade: policies, many at once, the queue and its worker."""

import asyncio
import sys
from pathlib import Path
from typing import Any
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
    Queued,
    Settings,
    StockReading,
    SystemClock,
    Unavailable,
    build,
    request_context,
)
from shelfport.adapters.config.settings import InitializationOptions, SettingsError
from shelfport.adapters.layers import ConcurrencyLimitLayer
from shelfport.contracts.sandbox import Faults, Sandbox
from shelfport.errors import QueueFailed, RequestRejected, ServiceFailed
from shelfport.options import LimitOptions, QueueOptions
from shelfport.outbox import InitializationQueue, InMemoryQueue
from shelfport.ports import QueueSnapshot
from shelfport.signals import InitializationDone
from tests.adapters.queue.world import Catalog
from tests.support.clocks import LoopClock
from tests.support.values import an_id, ids

RETRY_LATER = InitializationPolicy.RETRY_LATER
NOT_ORDERABLE = InitializationPolicy.NOT_ORDERABLE
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
MEMORY = QueueOptions(url="memory:")
DOWN = ServiceFailed("500")


@attrs.define
class Host:
    """An integration in the loop's time, with its queue, catalog and service."""

    settings: Settings = attrs.field(factory=lambda: Settings(queue=MEMORY))
    clock: LoopClock = attrs.field(factory=LoopClock)
    log: list[str] = attrs.field(factory=list)
    memory: InMemoryInventory = attrs.field(init=False)
    catalog: Catalog = attrs.field(init=False)
    container: Container = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.memory = InMemoryInventory(clock=self.clock)
        self.catalog = Catalog(self.log)
        self.container = Container(
            settings=providers.Object(self.settings),
            clock=providers.Object(self.clock),
            adapter=providers.Object(self.memory),
            catalog=providers.Object(self.catalog),
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
    """Settings with a policy that queues are refused by `build`, if there is no queue."""
    with pytest.raises(
        ValueError, match=r"initialization\.policy is RETRY_LATER, .* set queue\.url"
    ):
        build(Settings(adapter="memory", initialization=InitializationOptions(policy=RETRY_LATER)))


def test_not_orderable_needs_a_catalog() -> None:
    """NOT_ORDERABLE without a catalog is refused, unless another process runs the worker."""
    initial = InitializationOptions(policy=NOT_ORDERABLE)

    with pytest.raises(SettingsError, match="pass one to build"):
        build(Settings(adapter="memory", queue=MEMORY, initialization=initial))
    build(Settings(adapter="memory", queue=MEMORY, initialization=initial), catalog=Catalog([]))
    build(
        Settings(adapter="memory", queue=attrs.evolve(MEMORY, worker=False), initialization=initial)
    )


@pytest.mark.parametrize(
    ("policy", "settings", "words"),
    [
        (
            RETRY_LATER,
            Settings(adapter="memory"),
            "policy is RETRY_LATER, which needs a queue: set queue.url",
        ),
        (
            NOT_ORDERABLE,
            Settings(adapter="memory", queue=MEMORY),
            "which needs the host's catalog: pass one",
        ),
    ],
)
async def test_an_impossible_policy(
    policy: InitializationPolicy, settings: Settings, words: str
) -> None:
    """A policy that is not possible is refused before a request is sent."""
    async with build(settings) as inventory:
        with pytest.raises(ValueError, match=words):
            await inventory.request_inventory_initialization(an_id(1), policy=policy)
        with pytest.raises(ValueError, match=words):
            await inventory.request_inventory_initializations([an_id(1)], policy=policy)
        with pytest.raises(ValueError, match=words):
            inventory.initialization_entry(an_id(1), policy=policy)


async def test_a_policy_as_text() -> None:
    """The text of a policy, as in settings, is that policy; other text is refused by name."""
    host = Host()
    async with host.inventory as inventory:
        text: Any = "NOT_ORDERABLE"
        unknown: Any = "LATER"
        assert NOT_ORDERABLE is inventory.initialization_entry(an_id(1), policy=text).policy
        await inventory.request_inventory_initialization(an_id(1), policy=text)
        with pytest.raises(ValueError, match="policy is 'LATER': it must be one of ROLL_BACK, RET"):
            await inventory.request_inventory_initialization(an_id(2), policy=unknown)


async def test_rolling_back_is_the_default() -> None:
    """Without a policy a failure is raised, also with a queue."""
    host = Host()
    host.memory.fail_with(RequestRejected("no"))
    async with host.inventory as inventory:
        with pytest.raises(RequestRejected):
            await inventory.request_inventory_initialization(an_id(1))
        assert 0 == (await host.queue.stats()).waiting


@pytest.mark.looptime
@pytest.mark.parametrize("policy", [RETRY_LATER, NOT_ORDERABLE])
async def test_from_the_queue_to_the_record(policy: InitializationPolicy) -> None:
    """A queued record is opened when the service is back, and pages read it at once."""
    host, variant = Host(), an_id(1)
    host.memory.fail_with(DOWN)
    async with host.inventory as inventory:
        outcome = await inventory.request_inventory_initialization(
            variant, initial_quantity=7, policy=policy
        )
        assert isinstance(outcome, Queued)
        await asyncio.sleep(20)
        assert {} == host.catalog.orderable or not host.catalog.orderable[variant]
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
    """When the worker has opened a record, the cached "unknown" of its variant is invalidated."""
    host, variant = Host(), an_id(1)
    async with host.inventory as inventory:
        assert isinstance(await inventory.get_stock_level(variant), Unavailable)
        await host.queue.add(inventory.initialization_entry(variant))
        inventory.wake_worker()
        await asyncio.sleep(0.1)
        assert isinstance(await inventory.get_stock_level(variant), StockReading)


async def test_refused_for_good() -> None:
    """Under a policy that queues, a final refusal is an outcome, and is not queued."""
    host = Host()
    host.memory.fail_with(error := RequestRejected("no"))
    async with host.inventory as inventory:
        outcome = await inventory.request_inventory_initialization(an_id(1), policy=RETRY_LATER)
        assert isinstance(outcome, PermanentlyRejected)
        assert str(error) == str(outcome.error)


async def test_many_variants() -> None:
    """Each variant has its own numbers and its own outcome, in the order of the request."""
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
    """A failure of one variant is a value, so that no outcome is hidden."""
    host = Host()
    host.memory.fail_with(DOWN)
    async with host.inventory as inventory:
        outcomes = await inventory.request_inventory_initializations(ids(3), policy=policy)
        assert [outcome] * 3 == [type(one) for one in outcomes.values()]
        assert {} == await inventory.request_inventory_initializations([], policy=policy)


async def test_what_cannot_be_asked_for() -> None:
    """A variant that occurs twice, and text instead of a list, are refused without a request."""
    host = Host()
    async with host.inventory as inventory:
        with pytest.raises(ValueError, match="occurs twice"):
            await inventory.request_inventory_initializations([an_id(1), NewVariant(an_id(1))])
        with pytest.raises(ValueError, match="is one variant: pass a list"):
            await inventory.request_inventory_initializations(str(an_id(1)))
        with pytest.raises(ValueError, match="initial_quantity is -1"):
            await inventory.request_inventory_initializations([an_id(1)], initial_quantity=-1)
    assert "InMemoryInventory(0 records)" == repr(host.memory)


async def test_so_many_of_many_at_once() -> None:
    """Requests for many variants run with limited concurrency."""
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
    """An entry is made from arguments, settings and the request's ids, without I/O."""
    settings = Settings(
        adapter="memory",
        queue=MEMORY,
        initialization=InitializationOptions(policy=initial, default_quantity=3),
    )
    inventory = build(settings, catalog=Catalog([]))
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
    """An entry with ROLL_BACK is refused."""
    with pytest.raises(ValueError, match="policy is ROLL_BACK: it must be RETRY_LATER"):
        build(Settings(adapter="memory", queue=MEMORY)).initialization_entry(
            an_id(1), policy=InitializationPolicy.ROLL_BACK
        )


@pytest.mark.looptime
async def test_the_snapshot_tells_of_the_queue() -> None:
    """The snapshot has the queue's state, as the worker saw it last; None without a queue."""
    assert build(Settings(adapter="memory")).snapshot().queue is None
    build(Settings(adapter="memory")).wake_worker()
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


def test_the_worker_shares_limit_and_breaker() -> None:
    """The worker's requests use the same limit and circuit breaker as the pages."""
    container = Host().container
    worker = container.worker()
    assert worker is not None

    limit = container.stack().attempts
    assert isinstance(limit, ConcurrencyLimitLayer)
    assert limit is worker.processor.port.inner  # type: ignore[attr-defined]  # a layer has one
    assert repr(limit) in repr(container.port())
    assert container.breaker().snapshot == worker.circuit


def test_building_opens_nothing(tmp_path: Path) -> None:
    """`build` does not create the queue's file; entering the integration does."""
    file = tmp_path / "queue.db"
    build(Settings(adapter="memory", queue=QueueOptions(url=f"sqlite:///{file}")))

    assert not file.exists()


async def test_a_queue_that_cannot_be_opened(tmp_path: Path) -> None:
    """An integration whose queue cannot be opened fails to open, with the reason."""
    inventory = build(
        Settings(adapter="memory", queue=QueueOptions(url=f"sqlite:///{tmp_path}/none/queue.db"))
    )
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
    """A URL that is not a queue's is refused by `build`, and not quoted."""
    with pytest.raises(ValueError, match=words) as caught:
        build(Settings(adapter="memory", queue=QueueOptions(url=url)))
    assert "s3cr3t" not in str(caught.value)


def test_the_address_is_a_secret() -> None:
    """The `repr` of settings does not show the password of the queue's database."""
    settings = Settings(
        adapter="memory", queue=QueueOptions(url="postgresql://shop:s3cr3t@db/shop")
    )

    assert "s3cr3t" not in f"{settings!r} {settings.queue} {build(settings)!r}"


def test_a_missing_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without SQLAlchemy, the message names the extras to install."""
    for name in [n for n in sys.modules if n.startswith("shelfport.adapters.queue.sql.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)

    with pytest.raises(SettingsError, match=r"pip install 'shelfport\[sqlite\]' or"):
        build(Settings(adapter="memory", queue=QueueOptions(url="sqlite:///queue.db")))


async def test_across_a_restart(tmp_path: Path) -> None:
    """Another process opens a queued record, with the same key and the host's ids."""
    queue = QueueOptions(url=f"sqlite:///{tmp_path}/queue.db", base_delay=0.01, poll_interval=0.05)
    variant = an_id()
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
    """`memory:` makes an `InMemoryQueue`."""
    assert isinstance(
        Container(settings=Settings(adapter="memory", queue=MEMORY)).queue(), InMemoryQueue
    )
