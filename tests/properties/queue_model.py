"""The queue and its worker against a model that tells the same story with dicts and no awaits.

Hosts enqueue, workers claim and die between any two of their steps, the service fails in every
way, carries requests out late and forgets keys, the clock jumps, and people meddle with dead
letters. After each step the queue's rows, the service's records and the catalogue's flags are those
of the model; in the end the trouble stops, and every operation has come to its one right end.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from enum import Enum
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

import attrs
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from shelfport import (
    InitializationPolicy,
    InventoryError,
    ProductVariantId,
    StockStatus,
)
from shelfport.adapters.queue.entry_processor import EntryProcessor
from shelfport.domain.model import LONGEST_WAIT, Claim
from shelfport.errors import (
    CircuitOpen,
    ConnectionFailed,
    OperationInProgress,
    ReachedService,
    RequestRejected,
    TimedOut,
)
from shelfport.options import QueueOptions
from shelfport.outbox import InitializationQueue, QueuedInitialization
from shelfport.ports import (
    Call,
    Initialized,
    InitialStock,
    UnknownVariant,
)
from tests.support.clocks import EPOCH, ManualClock
from tests.support.ports import Answers, Ids, ScriptedPort
from tests.support.values import a_reading, an_id

NOT_ORDERABLE = InitializationPolicy.NOT_ORDERABLE
OPTIONS = QueueOptions(
    max_attempts=6, base_delay=1, max_delay=8, attempt_timeout=10, catalog_timeout=10, lease=60
)


EIGHTH = 0.125
"""Seconds, as are all times here, in which floating point is exact."""


class Trouble(Enum):
    """What befalls one attempt."""

    NONE = "none"
    UNREACHABLE = "nothing arrives"
    LOST = "written, the answer lost"
    FORGOTTEN = "written, the answer lost, the key forgotten"
    LATE = "carried out later"
    REJECTED = "refused for good"
    CIRCUIT = "not asked"
    CATALOGUE = "the host's catalogue fails"


DeadLetter = tuple[int, bool] | None
"""Before, or after, which outside call of an attempt its worker dies, counted from 0."""


class Died(BaseException):
    """A worker dies: no code of it runs any more."""


@attrs.define
class Outside:
    """The service and the catalogue: what is true of them, and how they act."""

    records: dict[ProductVariantId, list[UUID]] = attrs.field(factory=dict)
    """The keys that opened a record, each one; two are one too many."""
    remembered: set[UUID] = attrs.field(factory=set)
    pending: list[tuple[ProductVariantId, UUID]] = attrs.field(factory=list)
    orderable: dict[ProductVariantId, bool] = attrs.field(factory=dict)
    trouble: Trouble = Trouble.NONE
    dies: DeadLetter = None
    calls: int = 0
    sent: bool = False
    """Whether the request of this attempt has arrived."""

    def begin(self, trouble: Trouble, dies: DeadLetter) -> None:
        self.trouble, self.dies, self.calls, self.sent = trouble, dies, 0, False

    def before_call(self) -> None:
        if self.dies == (self.calls, False):
            raise Died

    def after_call(self) -> None:
        if self.dies == (self.calls, True):
            raise Died
        self.calls += 1

    def mark(self, variant: ProductVariantId, orderable: bool) -> None:
        if self.trouble is Trouble.CATALOGUE:
            raise RuntimeError("no catalogue today")
        self.orderable[variant] = orderable

    def read(self, variant: ProductVariantId) -> bool:
        self.refuse_early()
        return variant in self.records

    def send(self, variant: ProductVariantId, key: UUID) -> None:
        self.refuse_early()
        self.sent = True
        if self.trouble is Trouble.REJECTED:
            raise RequestRejected("no")
        if (variant, key) in self.pending:
            raise OperationInProgress("being worked on")
        if self.trouble is Trouble.LATE:
            self.pending.append((variant, key))
            raise TimedOut("too late")
        self.write(variant, key, remembered=self.trouble is not Trouble.FORGOTTEN)
        if self.trouble in {Trouble.LOST, Trouble.FORGOTTEN}:
            raise TimedOut("written, perhaps")

    def refuse_early(self) -> None:
        if self.trouble is Trouble.UNREACHABLE:
            raise ConnectionFailed("nobody there", reached_service=ReachedService.NO)
        if self.trouble is Trouble.CIRCUIT:
            raise CircuitOpen("not asked")

    def write(self, variant: ProductVariantId, key: UUID, *, remembered: bool) -> None:
        if key not in self.remembered:
            self.records.setdefault(variant, []).append(key)
        if remembered:
            self.remembered.add(key)

    def land(self) -> None:
        """Carry out what came and was left lying."""
        for variant, key in self.pending:
            self.write(variant, key, remembered=True)
        self.pending.clear()


@attrs.define
class Row:
    """What the model knows of an entry."""

    key: UUID
    variant: ProductVariantId
    policy: InitializationPolicy
    queued_at: float
    due: float
    attempts: int = 0
    marked: bool = False
    dead: str | None = None
    claim: int = 0
    """Counts the claims: a claim is good while it is the last."""


@attrs.define
class Model:
    """The story, told plainly."""

    outside: Outside = attrs.field(factory=Outside)
    rows: dict[UUID, Row] = attrs.field(factory=dict)

    def claim(self, limit: int, now: float) -> list[Row]:
        alive = [row for row in self.rows.values() if row.dead is None]
        for row in alive:
            if row.due > now + LONGEST_WAIT:
                row.due = now
        due = sorted((r for r in alive if r.due <= now), key=lambda r: (r.due, r.queued_at))
        for row in due[:limit]:
            row.due, row.attempts, row.claim = now + OPTIONS.lease, row.attempts + 1, row.claim + 1
        return due[:limit]

    def attempt(self, row: Row, claim: int, claimed: Row, now: float) -> None:
        """What a worker does with a claim, of which it knows the row as it was `claimed`."""
        try:
            self.story(row, claim, claimed, now)
        except Died:
            return

    def story(self, row: Row, claim: int, claimed: Row, now: float) -> None:
        attempts = claimed.attempts
        good = self.rows.get(row.key) is row and row.claim == claim

        def renewed() -> Any:
            """Before each change: only asked if the lease is over."""
            if 0 < claimed.due - now <= OPTIONS.lease:
                return True
            return self.call(lambda: good and self.put(row, due=now + OPTIONS.lease))

        try:
            if attempts > OPTIONS.max_attempts:
                self.call(lambda: good and self.put(row, due=now, dead="EXHAUSTED"))
                return
            if row.policy is NOT_ORDERABLE and not claimed.marked:
                if not renewed():
                    return
                self.call(lambda: self.outside.mark(row.variant, False))
                self.call(lambda: self.put(row, marked=True))
            seen = attempts > 1 and self.call(lambda: self.outside.read(row.variant))
            if not seen:
                if not renewed():
                    return
                self.call(lambda: self.outside.send(row.variant, row.key))
            if row.policy is NOT_ORDERABLE:
                self.call(lambda: self.outside.mark(row.variant, True))
            self.call(lambda: good and self.rows.pop(row.key))
        except CircuitOpen:
            self.call(lambda: good and self.put(row, due=now, attempts=row.attempts - 1))
        except RequestRejected:
            self.call(lambda: good and self.put(row, due=now, dead="REJECTED"))
        except (InventoryError, RuntimeError):
            if attempts >= OPTIONS.max_attempts:
                self.call(lambda: good and self.put(row, due=now, dead="EXHAUSTED"))
            else:
                due = now + min(8.0, 2.0 ** (attempts - 1))
                self.call(lambda: good and self.put(row, due=due))

    def call(self, effect: Callable[[], Any]) -> Any:
        self.outside.before_call()
        result = effect()
        self.outside.after_call()
        return result

    @staticmethod
    def put(row: Row, **changes: Any) -> bool:
        for name, value in changes.items():
            setattr(row, name, value)
        return True


class Mortal:
    """Whatever a worker calls: each call is a step, before and after which the worker may die."""

    def __init__(self, inner: object, outside: Outside) -> None:
        self._inner = inner
        self._outside = outside

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)

        async def step(*args: Any, **options: Any) -> Any:
            self._outside.before_call()
            result = await method(*args, **options)
            self._outside.after_call()
            return result

        return step


@attrs.define
class Port:
    """The service as a port."""

    outside: Outside

    async def read(self, ids: Ids, call: Call) -> Answers:
        [variant] = ids
        there = self.outside.read(variant)
        return {variant: a_reading(variant) if there else UnknownVariant(variant)}

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        self.outside.send(request.variant_id, request.idempotency_key)
        return await ScriptedPort().initialize(request, call)


@attrs.define
class Catalogue:
    """The catalogue as a port."""

    outside: Outside

    async def mark_not_orderable(self, variant: ProductVariantId) -> None:
        self.outside.mark(variant, False)

    async def mark_orderable(self, variant: ProductVariantId) -> None:
        self.outside.mark(variant, True)

    async def show_status(
        self, variant: ProductVariantId, status: StockStatus, as_of: datetime
    ) -> None:
        raise AssertionError("no worker shows a status")


@attrs.frozen
class Held:
    """A claim whose worker died: it may come to life again, later."""

    claim: Claim
    row: Row
    claimed: Row


troubles = st.one_of(st.just(Trouble.NONE), st.sampled_from(Trouble))
deaths = st.one_of(st.none(), st.tuples(st.integers(0, 6), st.booleans()))


class QueueMachine(RuleBasedStateMachine):
    """The rules; a subclass opens the queue that is to be held against the model."""

    runner: ClassVar[asyncio.Runner]
    """One event loop for all examples, as a server's connections outlive none."""

    def open_queue(self) -> AbstractAsyncContextManager[InitializationQueue]:
        """A queue without entries."""
        raise NotImplementedError  # the subclasses'

    @initialize()
    def start(self) -> None:
        self.clock = ManualClock()
        self.outside = Outside()
        self.model = Model()
        self.added: list[Row] = []
        self.dropped: set[UUID] = set()
        self.held: list[Held] = []
        self.opened = self.open_queue()
        self.queue = self.runner.run(self.opened.__aenter__())

    @rule(policy=st.sampled_from([InitializationPolicy.RETRY_LATER, NOT_ORDERABLE]))
    def enqueue(self, policy: InitializationPolicy) -> None:
        """A host enqueues."""
        self.clock.advance(EIGHTH)
        request = InitialStock(variant_id=an_id(), idempotency_key=UUID(int=len(self.added) + 1))
        entry = QueuedInitialization(request=request, policy=policy, queued_at=self.clock.now())
        row = Row(request.idempotency_key, request.variant_id, policy, self.now, self.now)
        self.added.append(row)
        self.model.rows[row.key] = row
        assert self.runner.run(self.queue.add(entry))

    @rule(befalls=st.lists(st.tuples(troubles, deaths), min_size=1, max_size=3))
    def work(self, befalls: list[tuple[Trouble, DeadLetter]]) -> None:
        """A worker claims as many entries as it has hands, and each attempt meets its fate."""
        rows = self.model.claim(len(befalls), self.now)
        claims = {
            claim.entry.request.idempotency_key: claim
            for claim in self.runner.run(
                self.queue.claim(
                    holder="w", limit=len(befalls), now=self.clock.now(), lease=OPTIONS.lease
                )
            )
        }
        assert {row.key for row in rows} == set(claims)
        known = [attrs.evolve(row) for row in rows]
        for row, claimed, (trouble, dies) in zip(rows, known, befalls, strict=False):
            self.attempt(Held(claims[row.key], row, claimed), trouble, dies)

    def attempt(self, held: Held, trouble: Trouble, dies: DeadLetter) -> None:
        self.model.outside.begin(trouble, dies)
        self.model.attempt(held.row, held.claimed.claim, held.claimed, self.now)
        self.outside.begin(trouble, dies)
        mortal: Callable[[object], Any] = partial(Mortal, outside=self.outside)
        worker = EntryProcessor(
            queue=mortal(self.queue),
            port=mortal(Port(self.outside)),
            catalog=mortal(Catalogue(self.outside)),
            clock=self.clock,
            options=OPTIONS,
            draw=lambda: 1.0,
            changed=lambda variant: None,
            listener=lambda signal: None,
        )

        async def until_death() -> bool:
            # Not out of the loop: asyncio lets a BaseException through, and its tasks with it.
            try:
                await worker.make(held.claim)
            except Died:
                return True
            return False

        if self.runner.run(until_death()) and not self.outside.sent:
            # It may have stood still, and go on. One that has sent its request goes on behind that;
            # whoever sends it once more has claimed the entry again, and reads first.
            self.held.append(held)

    @precondition(lambda self: any(self.over(held) for held in self.held))
    @rule(data=st.data(), trouble=troubles, dies=deaths)
    def come_back(self, data: st.DataObject, trouble: Trouble, dies: DeadLetter) -> None:
        """A worker that was held dead goes on with its claim, long after the lease was over."""
        held = data.draw(st.sampled_from([held for held in self.held if self.over(held)]))
        self.held.remove(held)
        self.attempt(held, trouble, dies)

    @precondition(lambda self: len(self.dead_rows) < len(self.model.rows))
    @rule(dies=st.tuples(st.integers(0, 3), st.booleans()), meanwhile=troubles, after=troubles)
    def overtake(self, dies: DeadLetter, meanwhile: Trouble, after: Trouble) -> None:
        """A worker stands still beyond its lease, others have their turn, and it goes on.

        Each step is a rule of its own as well; drawn one by one, they rarely come in this order.
        """
        before = len(self.held)
        self.work([(Trouble.NONE, dies)])
        standing = self.held[before:]
        self.clock.advance(OPTIONS.lease)
        self.work([(meanwhile, None)] * 3)
        for held in standing:
            self.held.remove(held)
            self.attempt(held, after, None)

    def over(self, held: Held) -> bool:
        """Whether the lease of a claim is over, by the clock."""
        left = held.claimed.due - self.now
        return not 0 < left <= OPTIONS.lease

    @rule(seconds=st.sampled_from([0.5, 1.0, 2.0, 8.0, 60.0, 61.0, 3600.0, -3600.0]))
    def step_the_clock(self, seconds: float) -> None:
        """Time passes, or somebody sets the clock back an hour."""
        self.clock.advance(seconds)

    @rule()
    def land(self) -> None:
        """The service carries out what it had left lying."""
        self.outside.land()
        self.model.outside.land()

    @precondition(lambda self: self.dead_rows)
    @rule(data=st.data(), again=st.booleans())
    def meddle(self, data: st.DataObject, again: bool) -> None:
        """A person retries a dead letter, or drops it."""
        row = data.draw(st.sampled_from(self.dead_rows))
        if again:
            row.due, row.dead, row.attempts = self.now, None, min(row.attempts, 1)
            row.claim += 1
            assert self.runner.run(self.queue.retry(row.key, now=self.clock.now()))
        else:
            del self.model.rows[row.key]
            self.dropped.add(row.key)
            assert self.runner.run(self.queue.drop(row.key))

    @property
    def dead_rows(self) -> list[Row]:
        return [row for row in self.model.rows.values() if row.dead is not None]

    @property
    def now(self) -> float:
        return self.clock.monotonic()

    @precondition(lambda self: hasattr(self, "queue"))
    @invariant()
    def agrees(self) -> None:
        """What is stored, opened and told is what the model says."""
        entries = self.runner.run(self.queue.entries(limit=1000))
        assert {
            (row.key, round(row.due, 3), row.attempts, row.marked, row.dead)
            for row in self.model.rows.values()
        } == {
            (
                entry.request.idempotency_key,
                round((entry.due_at - EPOCH).total_seconds(), 3),
                entry.attempts,
                entry.marked,
                entry.death.reason.value if entry.death else None,
            )
            for entry in entries
        }
        assert self.model.outside.records == self.outside.records
        assert self.model.outside.orderable == self.outside.orderable
        self.nothing_is_lost_or_twice()

    def nothing_is_lost_or_twice(self) -> None:
        """The promise itself, apart from how it is kept."""
        for row in self.added:
            opened = self.outside.records.get(row.variant, [])
            assert opened in ([], [row.key])
            if row.key not in self.model.rows and row.key not in self.dropped:
                assert opened, "an entry is gone, and its record is not there"
                assert self.outside.orderable.get(row.variant, True)
            elif row.policy is NOT_ORDERABLE and opened:
                assert row.variant in self.outside.orderable, "sent before it was marked"

    def teardown(self) -> None:
        """The trouble ends: what is left comes to its end, and to the right one."""
        if not hasattr(self, "queue"):
            return
        for row in list(self.dead_rows):
            row.due, row.dead, row.attempts = self.now, None, min(row.attempts, 1)
            row.claim += 1
            self.runner.run(self.queue.retry(row.key, now=self.clock.now()))
        self.land()
        for _ in range(len(self.added) + int(LONGEST_WAIT / OPTIONS.lease) + 1):
            self.clock.advance(OPTIONS.lease)
            self.work([(Trouble.NONE, None)] * 3)
        assert {} == self.model.rows
        self.agrees()
        self.runner.run(self.opened.__aexit__(None, None, None))
