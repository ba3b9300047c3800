"""A queue as a former edition left it, and what this edition makes of it.

The first edition had no `host_id`; the last one had it. Both counted claims of every outcome as
attempts, and nothing else.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import attrs

from shelfport import (
    InitializationPolicy,
    InMemoryInventory,
    ProductVariantId,
    Settings,
    SystemClock,
    build,
)
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
from tests.support.ports import Answers, Ids
from tests.support.values import an_initial_stock
from tests.support.waiting import eventually

_COLUMNS = (
    "idempotency_key", "variant_id", "initial_quantity", "low_stock_threshold", "policy",
    "queued_at", "due_at", "correlation_id", "traceparent", "attempts", "last_error",
    "entry_version", "token", "holder", "marked", "dead_at", "dead_reason",
)  # fmt: skip
"""All columns of the first edition."""
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
LEASE = 1.0
TOKEN = 1_767_225_600_000_001


@attrs.frozen(kw_only=True)
class FormerQueue:
    """The entries of a queue of a former edition, as they are after the upgrade.

    Claims that were counted as attempts are tries. Of an entry that waits none is known to be an
    answer of the service; a dead letter keeps the number that a person knows.
    """

    host_ids: bool
    """Whether the edition stored the host's ids."""
    now: datetime
    """When a worker of the former edition claimed what it holds, for `LEASE` seconds."""
    waiting: QueuedInitialization
    """Not claimed yet."""
    postponed: QueuedInitialization
    """Claimed so often that one more failure would have made it a dead letter."""
    held: QueuedInitialization
    """Claimed; the worker marked the product, and had not sent the request."""
    written: QueuedInitialization
    """Claimed; the worker sent the request, and the service opened the record."""
    dead: QueuedInitialization

    @property
    def entries(self) -> Sequence[QueuedInitialization]:
        return self.waiting, self.postponed, self.held, self.written, self.dead

    @property
    def columns(self) -> Sequence[str]:
        """The columns of the edition."""
        return (*_COLUMNS, "host_id") if self.host_ids else _COLUMNS

    def rows(self) -> list[tuple[object, ...]]:
        """What the edition stored, column by column."""
        return [
            (*_row(entry, 2), entry.request.host_id) if self.host_ids else _row(entry, 1)
            for entry in self.entries
        ]

    def insert_statement(self, marks: Sequence[str]) -> str:
        """Stores a row; `marks` are the driver's placeholders."""
        return f"INSERT INTO {TABLE} ({', '.join(self.columns)}) VALUES ({', '.join(marks)})"

    async def create_tables(self, base: Database, steps: Sequence[Step]) -> None:
        """Create the tables of a former version; the rows are the caller's."""
        engine = base.engine()
        try:
            async with engine.connect() as connection:
                assert len(steps) == (await migrate(connection, base, steps=steps)).after
        finally:
            await engine.dispose()


def former_queue(now: datetime, *, host_ids: bool) -> FormerQueue:
    """Entries that were queued before `now`; two are held from `now` on."""

    def entry(seconds: float, policy: InitializationPolicy) -> QueuedInitialization:
        queued = now - timedelta(seconds=seconds)
        host_id = f"SKU-{seconds:g}" if host_ids else None
        return QueuedInitialization(
            request=attrs.evolve(an_initial_stock(quantity=3), host_id=host_id),
            policy=policy,
            queued_at=queued,
            due_at=queued,
            correlation_id=f"request-{seconds:g}",
            traceparent=TRACE,
        )

    postponed = attrs.evolve(
        entry(35, InitializationPolicy.RETRY_LATER),
        tries=QueueOptions().max_attempts - 1,
        last_error="the service did not answer",
    )
    held = attrs.evolve(
        entry(30, InitializationPolicy.NOT_ORDERABLE),
        due_at=now + timedelta(seconds=LEASE),
        tries=1,
        claims=1,
        holder="host/1",
        marked=True,
    )
    written = attrs.evolve(
        entry(20, InitializationPolicy.RETRY_LATER),
        due_at=held.due_at,
        tries=2,
        claims=1,
        holder="host/2",
        last_error="the service did not answer",
    )
    dead = attrs.evolve(
        entry(10, InitializationPolicy.RETRY_LATER),
        tries=3,
        attempts=3,
        last_error="the key is another's",
        dead_letter=DeadLetter(at=now, reason=DeadLetterReason.KEY_REUSED),
    )
    return FormerQueue(
        host_ids=host_ids,
        now=now,
        waiting=entry(40, InitializationPolicy.RETRY_LATER),
        postponed=postponed,
        held=held,
        written=written,
        dead=dead,
    )


def _row(entry: QueuedInitialization, version: int) -> tuple[object, ...]:
    """The row of a former edition, which counted as attempts what are tries now."""
    request, letter = entry.request, entry.dead_letter
    return (
        str(request.idempotency_key), request.variant_id, request.initial_quantity,
        request.low_stock_threshold, entry.policy.value, _micros(entry.queued_at),
        _micros(entry.due_at), entry.correlation_id, entry.traceparent, entry.tries,
        entry.last_error, version, TOKEN if entry.tries else 0, entry.holder, entry.marked,
        None if letter is None else _micros(letter.at),
        None if letter is None else letter.reason.value,
    )  # fmt: skip


def _micros(instant: datetime) -> int:
    return (instant - EPOCH) // timedelta(microseconds=1) + 1_767_225_600_000_000


async def check_fields_and_leases(url: str, former: FormerQueue) -> None:
    """All entries are there as they were, and a held one is claimed only when its lease ends."""
    async with SqlQueue(database(url)) as queue:
        entries = await queue.entries()
        assert list(former.entries) == list(entries)
        assert [entry.request.host_id for entry in former.entries] == [
            entry.request.host_id for entry in entries
        ]

        end = former.held.due_at
        before = await queue.claim(
            holder="new", limit=9, now=end - timedelta(milliseconds=1), lease=60
        )
        after = await queue.claim(holder="new", limit=9, now=end, lease=60)

        assert {former.waiting.request.variant_id, former.postponed.request.variant_id} == {
            claim.entry.request.variant_id for claim in before
        }
        assert {former.held.request.variant_id, former.written.request.variant_id} == {
            claim.entry.request.variant_id for claim in after
        }
        assert all(claim.token > TOKEN for claim in after)
        assert [1, 1, 2, 2] == [claim.entry.claims for claim in (*before, *after)]
        assert [former.dead] == list(await queue.entries(dead=True))


class Service(InMemoryInventory):
    """A service that records what is read, and the requests for a record with their times."""

    def __init__(self) -> None:
        super().__init__(clock=SystemClock())
        self.seen: list[ProductVariantId] = []
        self.asked: list[tuple[UUID, datetime]] = []

    async def read(self, ids: Ids, call: Call) -> Answers:
        self.seen.extend(ids)
        return await super().read(ids, call)

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        self.asked.append((request.idempotency_key, SystemClock().now()))
        return await super().initialize(request, call)


async def check_worked_off(url: str, former: FormerQueue) -> None:
    """A worker does each entry once, a held one after its lease; the dead letter stays.

    What may have been sent before is read first.
    """
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

    waiting, postponed, held = (e.request for e in (former.waiting, former.postponed, former.held))
    asked = dict(service.asked)
    assert len(asked) == len(service.asked)
    assert {r.idempotency_key for r in (waiting, postponed, held)} == set(asked)
    assert asked[held.idempotency_key] >= former.held.due_at
    read_first = (postponed, held, former.written.request)
    assert sorted(r.variant_id for r in read_first) == sorted(service.seen)
    assert ["mark_orderable"] == catalog.log
    assert {held.variant_id: True} == catalog.orderable
