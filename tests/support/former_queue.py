"""A queue as the former edition left it: rows of version 1, whose ids are UUIDs."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import attrs

from shelfport import InitializationPolicy, InMemoryInventory, Settings, SystemClock, build
from shelfport.adapters.queue.sql.database import Database, database
from shelfport.adapters.queue.sql.migration import migrate
from shelfport.adapters.queue.sql.queue import SqlQueue
from shelfport.adapters.queue.sql.row import TABLE
from shelfport.adapters.queue.sql.schema import Step
from shelfport.domain.model import DeadLetter
from shelfport.options import QueueOptions
from shelfport.outbox import DeadLetterReason, QueuedInitialization
from shelfport.ports import Call, Initialized, InitialStock
from tests.adapters.queue.world import Catalog
from tests.support.clocks import EPOCH
from tests.support.values import an_initial_stock
from tests.support.waiting import eventually

COLUMNS = (
    "idempotency_key", "variant_id", "initial_quantity", "low_stock_threshold", "policy",
    "queued_at", "due_at", "correlation_id", "traceparent", "attempts", "last_error",
    "entry_version", "token", "holder", "marked", "dead_at", "dead_reason",
)  # fmt: skip
"""All columns of version 1."""
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
LEASE = 1.0
TOKEN = 1_767_225_600_000_001


@attrs.frozen
class FormerQueue:
    """The entries of a queue of the former edition, one in each state."""

    now: datetime
    """When a worker of the former edition claimed what it holds, for `LEASE` seconds."""
    waiting: QueuedInitialization
    held: QueuedInitialization
    """Claimed; the worker marked the product, and had not sent the request."""
    written: QueuedInitialization
    """Claimed; the worker sent the request, and the service opened the record."""
    dead: QueuedInitialization

    @property
    def entries(self) -> Sequence[QueuedInitialization]:
        return self.waiting, self.held, self.written, self.dead

    def rows(self) -> list[tuple[object, ...]]:
        """What version 1 stored, column by column."""
        return [_row(entry) for entry in self.entries]

    async def create_tables(self, base: Database, steps: Sequence[Step]) -> None:
        """Create the tables of a former version; the rows are the caller's."""
        engine = base.engine()
        try:
            async with engine.connect() as connection:
                assert len(steps) == (await migrate(connection, base, steps=steps)).after
        finally:
            await engine.dispose()


def former_queue(now: datetime) -> FormerQueue:
    """Entries that were queued before `now`; two are held from `now` on."""

    def entry(seconds: float, policy: InitializationPolicy) -> QueuedInitialization:
        queued = now - timedelta(seconds=seconds)
        return QueuedInitialization(
            request=an_initial_stock(quantity=3),
            policy=policy,
            queued_at=queued,
            due_at=queued,
            correlation_id=f"request-{seconds:g}",
            traceparent=TRACE,
        )

    held = attrs.evolve(
        entry(30, InitializationPolicy.NOT_ORDERABLE),
        due_at=now + timedelta(seconds=LEASE),
        attempts=1,
        holder="host/1",
        marked=True,
    )
    written = attrs.evolve(
        entry(20, InitializationPolicy.RETRY_LATER),
        due_at=held.due_at,
        attempts=2,
        holder="host/2",
        last_error="the service did not answer",
    )
    dead = attrs.evolve(
        entry(10, InitializationPolicy.RETRY_LATER),
        attempts=3,
        last_error="the key is another's",
        dead_letter=DeadLetter(at=now, reason=DeadLetterReason.KEY_REUSED),
    )
    return FormerQueue(now, entry(40, InitializationPolicy.RETRY_LATER), held, written, dead)


def _row(entry: QueuedInitialization) -> tuple[object, ...]:
    request, letter = entry.request, entry.dead_letter
    return (
        str(request.idempotency_key), request.variant_id, request.initial_quantity,
        request.low_stock_threshold, entry.policy.value, _micros(entry.queued_at),
        _micros(entry.due_at), entry.correlation_id, entry.traceparent, entry.attempts,
        entry.last_error, 1, TOKEN if entry.attempts else 0, entry.holder, entry.marked,
        None if letter is None else _micros(letter.at),
        None if letter is None else letter.reason.value,
    )  # fmt: skip


def _micros(instant: datetime) -> int:
    return (instant - EPOCH) // timedelta(microseconds=1) + 1_767_225_600_000_000


def insert_statement(marks: Sequence[str]) -> str:
    return f"INSERT INTO {TABLE} ({', '.join(COLUMNS)}) VALUES ({', '.join(marks)})"


async def check_fields_and_leases(url: str, former: FormerQueue) -> None:
    """All entries are there as they were, and a held one is claimed only when its lease ends."""
    async with SqlQueue(database(url)) as queue:
        assert list(former.entries) == list(await queue.entries())
        assert {None} == {entry.request.host_id for entry in await queue.entries()}

        end = former.held.due_at
        before = await queue.claim(
            holder="new", limit=9, now=end - timedelta(milliseconds=1), lease=60
        )
        after = await queue.claim(holder="new", limit=9, now=end, lease=60)

        assert [former.waiting.request] == [claim.entry.request for claim in before]
        assert {former.held.request.variant_id, former.written.request.variant_id} == {
            claim.entry.request.variant_id for claim in after
        }
        assert all(claim.token > TOKEN for claim in after)
        assert [former.dead] == list(await queue.entries(dead=True))


class Service(InMemoryInventory):
    """A service that records the requests for a record, with their times."""

    def __init__(self) -> None:
        super().__init__(clock=SystemClock())
        self.asked: list[tuple[UUID, datetime]] = []

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        self.asked.append((request.idempotency_key, SystemClock().now()))
        return await super().initialize(request, call)


async def check_worked_off(url: str, former: FormerQueue) -> None:
    """A worker does each entry once, a held one after its lease; the dead letter stays."""
    service, catalog = Service(), Catalog([])
    service.set_stock(former.written.request.variant_id, 3)
    settings = Settings(queue=QueueOptions(url=url, poll_interval=0.05))
    async with (
        build(settings, adapter=service, catalog=catalog),
        SqlQueue(database(url)) as queue,
    ):

        async def empty() -> bool:
            return not await queue.entries(dead=False)

        await eventually(empty)
        await asyncio.sleep(0.1)  # a worker that did an entry twice would do it now
        assert [former.dead] == list(await queue.entries())

    waiting, held = (e.request for e in (former.waiting, former.held))
    assert [waiting.idempotency_key, held.idempotency_key] == [key for key, _ in service.asked]
    assert service.asked[1][1] >= former.held.due_at
    assert ["mark_orderable"] == catalog.log
    assert {held.variant_id: True} == catalog.orderable
