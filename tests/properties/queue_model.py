"""The queue and its worker against a model of dicts without awaits.

Hosts enqueue, workers claim and crash between any two steps, the service fails in every way,
carries requests out late and forgets keys, the clock jumps, and people retry and drop dead letters.
After each step the queue's rows, the service's records and the catalog's flags equal the model's;
after the faults end, every operation is done exactly once.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
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

from shelfport import InitializationPolicy, InventoryError, ProductVariantId
from shelfport.adapters.queue.entry_processor import EntryProcessor
from shelfport.domain.model import LONGEST_WAIT, Claim
from shelfport.domain.services.queue_policy import MOST_CRASHES
from shelfport.errors import CircuitOpen, OperationInProgress, RequestRejected
from shelfport.options import QueueOptions
from shelfport.outbox import InitializationQueue, QueuedInitialization
from shelfport.ports import InitialStock
from tests.properties.queue_outside import (
    Catalog,
    Crashed,
    Crashing,
    CrashPoint,
    Outside,
    Port,
    Trouble,
)
from tests.support.clocks import EPOCH, ManualClock
from tests.support.values import an_id

NOT_ORDERABLE = InitializationPolicy.NOT_ORDERABLE
OPTIONS = QueueOptions(
    max_attempts=3,
    max_age=7000,
    base_delay=1,
    max_delay=8,
    attempt_timeout=10,
    catalog_timeout=10,
    lease=60,
)


EIGHTH = 0.125
"""Seconds, as are all times here, in which floating point is exact."""


@attrs.define
class Row:
    """An entry in the model."""

    key: UUID
    variant: ProductVariantId
    policy: InitializationPolicy
    queued_at: float
    due: float
    tries: int = 0
    attempts: int = 0
    claims: int = 0
    marked: bool = False
    dead: str | None = None
    token: int = 0
    """A claim is good while its token is the last."""

    def retry(self, now: float) -> None:
        """A person resets it."""
        self.tries = min(1, self.tries + self.attempts + self.claims)
        self.due, self.dead, self.attempts, self.claims = now, None, 0, 0
        self.token += 1


@attrs.define
class Model:
    """The queue and its worker, without awaits."""

    outside: Outside = attrs.field(factory=Outside)
    rows: dict[UUID, Row] = attrs.field(factory=dict)

    def claim(self, limit: int, now: float) -> list[Row]:
        alive = [row for row in self.rows.values() if row.dead is None]
        for row in alive:
            if row.due > now + LONGEST_WAIT:
                row.due = now
        due = sorted((r for r in alive if r.due <= now), key=lambda r: (r.due, r.queued_at))
        for row in due[:limit]:
            row.due, row.claims, row.token = now + OPTIONS.lease, row.claims + 1, row.token + 1
        return due[:limit]

    def attempt(self, row: Row, claimed: Row, now: float) -> None:
        """One attempt of a worker, which knows the row as it was `claimed`."""
        try:
            self.steps(row, claimed, now)
        except Crashed:
            return

    def steps(self, row: Row, claimed: Row, now: float) -> None:
        good = self.rows.get(row.key) is row and row.token == claimed.token

        def renewed() -> Any:
            """Before each change; renewed only if the lease is over."""
            if 0 < claimed.due - now <= OPTIONS.lease:
                return True
            return self.call(lambda: good and self.put(row, due=now + OPTIONS.lease))

        try:
            if claimed.claims > MOST_CRASHES:
                self.call(lambda: good and self.put(row, due=now, dead="CRASHED"))
                return
            if row.policy is NOT_ORDERABLE and not claimed.marked:
                if not renewed():
                    return
                self.call(lambda: self.outside.mark(row.variant, False))
                self.call(lambda: self.put(row, marked=True))
            known = claimed.tries > 0 or claimed.claims > 1
            seen = known and self.call(lambda: self.outside.read(row.variant))
            if not seen:
                if not renewed():
                    return
                self.call(lambda: self.outside.send(row.variant, row.key))
            if row.policy is NOT_ORDERABLE:
                self.call(lambda: self.outside.mark(row.variant, True))
            self.call(lambda: good and self.rows.pop(row.key))
        except CircuitOpen:
            self.call(lambda: good and self.put(row, due=now, claims=row.claims - 1))
        except RequestRejected:
            self.call(lambda: good and self.put(row, due=now, dead="REJECTED"))
        except (InventoryError, RuntimeError) as error:
            answered = isinstance(error, OperationInProgress)
            changes: dict[str, Any]
            if answered and claimed.attempts + 1 == OPTIONS.max_attempts:
                changes = {"due": now, "dead": "EXHAUSTED"}
            elif now - row.queued_at >= OPTIONS.max_age:
                changes = {"due": now, "dead": "EXPIRED"}
            else:
                changes = {
                    "due": now + min(8.0, 2.0**claimed.tries),
                    "tries": row.tries + 1,
                    "attempts": row.attempts + answered,
                    "claims": 0,
                }
            self.call(lambda: good and self.put(row, **changes))

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


@attrs.frozen
class Held:
    """A claim whose worker stood still: it may continue later."""

    claim: Claim
    row: Row
    claimed: Row


troubles = st.one_of(st.just(Trouble.NONE), st.sampled_from(Trouble))
crash_points = st.one_of(st.none(), st.tuples(st.integers(0, 6), st.booleans()))


class QueueMachine(RuleBasedStateMachine):
    """The rules; a subclass opens the queue that is compared with the model."""

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

    @rule(plans=st.lists(st.tuples(troubles, crash_points), min_size=1, max_size=3))
    def work(self, plans: list[tuple[Trouble, CrashPoint]]) -> None:
        """A worker claims entries, and makes an attempt at each, as planned."""
        rows = self.model.claim(len(plans), self.now)
        claims = {
            claim.entry.request.idempotency_key: claim
            for claim in self.runner.run(
                self.queue.claim(
                    holder="w", limit=len(plans), now=self.clock.now(), lease=OPTIONS.lease
                )
            )
        }
        assert {row.key for row in rows} == set(claims)
        known = [attrs.evolve(row) for row in rows]
        for row, claimed, (trouble, crash_at) in zip(rows, known, plans, strict=False):
            self.attempt(Held(claims[row.key], row, claimed), trouble, crash_at)

    def attempt(self, held: Held, trouble: Trouble, crash_at: CrashPoint) -> None:
        self.model.outside.begin(trouble, crash_at)
        self.model.attempt(held.row, held.claimed, self.now)
        self.outside.begin(trouble, crash_at)
        crashing: Callable[[object], Any] = partial(Crashing, outside=self.outside)
        processor = EntryProcessor(
            queue=crashing(self.queue),
            port=crashing(Port(self.outside)),
            catalog=crashing(Catalog(self.outside)),
            clock=self.clock,
            options=OPTIONS,
            draw=lambda: 1.0,
            invalidators=(),
            listener=lambda signal: None,
        )

        async def until_crash() -> bool:
            # Not out of the loop: asyncio lets a BaseException through, and its tasks with it.
            try:
                await processor.process(held.claim)
            except Crashed:
                return True
            return False

        if self.runner.run(until_crash()) and not self.outside.sent:
            # It may have stood still, and continue. After its request was sent, another worker that
            # sends it again has claimed the entry again, and reads first.
            self.held.append(held)

    @precondition(lambda self: any(self.over(held) for held in self.held))
    @rule(data=st.data(), trouble=troubles, crash_at=crash_points)
    def come_back(self, data: st.DataObject, trouble: Trouble, crash_at: CrashPoint) -> None:
        """A worker that stood still continues with its claim after the end of the lease."""
        held = data.draw(st.sampled_from([held for held in self.held if self.over(held)]))
        self.held.remove(held)
        self.attempt(held, trouble, crash_at)

    @precondition(lambda self: len(self.dead_rows) < len(self.model.rows))
    @rule(crash_at=st.tuples(st.integers(0, 3), st.booleans()), meanwhile=troubles, after=troubles)
    def overtake(self, crash_at: CrashPoint, meanwhile: Trouble, after: Trouble) -> None:
        """A worker stands still beyond its lease, others process the entry, and it continues.

        Each step is a rule of its own as well; drawn one by one, this order is rare.
        """
        before = len(self.held)
        self.work([(Trouble.NONE, crash_at)])
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

    @precondition(lambda self: len(self.dead_rows) < len(self.model.rows))
    @rule(
        times=st.integers(1, MOST_CRASHES + 1), crash_at=st.tuples(st.integers(0, 2), st.booleans())
    )
    def crash_in_a_row(self, times: int, crash_at: CrashPoint) -> None:
        """Workers crash at the same step of the same entries, one after the other."""
        for _ in range(times):
            self.work([(Trouble.NONE, crash_at)] * 3)
            self.clock.advance(OPTIONS.lease)

    @precondition(lambda self: len(self.dead_rows) < len(self.model.rows))
    @rule(trouble=st.sampled_from(Trouble), times=st.integers(1, OPTIONS.max_attempts))
    def fail_in_a_row(self, trouble: Trouble, times: int) -> None:
        """The same entries fail in the same way, one time after the other."""
        for _ in range(times):
            self.work([(trouble, None)] * 3)
            self.clock.advance(OPTIONS.max_delay)

    @rule(seconds=st.sampled_from([0.5, 1.0, 2.0, 8.0, 60.0, 61.0, 3600.0, 7200.0, -3600.0]))
    def step_the_clock(self, seconds: float) -> None:
        """Time passes, or the clock is set back by an hour."""
        self.clock.advance(seconds)

    @rule()
    def carry_out(self) -> None:
        """The service carries out its pending requests."""
        self.outside.carry_out()
        self.model.outside.carry_out()

    @precondition(lambda self: self.dead_rows)
    @rule(data=st.data(), again=st.booleans())
    def retry_or_drop(self, data: st.DataObject, again: bool) -> None:
        """A person retries a dead letter, or drops it."""
        row = data.draw(st.sampled_from(self.dead_rows))
        if again:
            self.retry(row)
        else:
            del self.model.rows[row.key]
            self.dropped.add(row.key)
            assert self.runner.run(self.queue.drop(row.key))

    def retry(self, row: Row) -> None:
        row.retry(self.now)
        assert self.runner.run(self.queue.retry(row.key, now=self.clock.now()))

    @property
    def dead_rows(self) -> list[Row]:
        return [row for row in self.model.rows.values() if row.dead is not None]

    @property
    def now(self) -> float:
        return self.clock.monotonic()

    @precondition(lambda self: hasattr(self, "queue"))
    @invariant()
    def agrees(self) -> None:
        """The stored entries, the records and the catalog equal the model's."""
        entries = self.runner.run(self.queue.entries(limit=1000))
        assert {
            (
                row.key,
                round(row.due, 3),
                (row.tries, row.attempts, row.claims),
                row.marked,
                row.dead,
            )
            for row in self.model.rows.values()
        } == {
            (
                entry.request.idempotency_key,
                round((entry.due_at - EPOCH).total_seconds(), 3),
                (entry.tries, entry.attempts, entry.claims),
                entry.marked,
                entry.dead_letter.reason.value if entry.dead_letter else None,
            )
            for entry in entries
        }
        assert self.model.outside.records == self.outside.records
        assert self.model.outside.orderable == self.outside.orderable
        self.nothing_is_lost_or_doubled()

    def nothing_is_lost_or_doubled(self) -> None:
        """No entry is lost, and no record is opened twice."""
        for row in self.added:
            opened = self.outside.records.get(row.variant, [])
            assert opened in ([], [row.key])
            if row.key not in self.model.rows and row.key not in self.dropped:
                assert opened, "an entry is gone, and its record is not there"
                assert self.outside.orderable.get(row.variant, True)
            elif row.policy is NOT_ORDERABLE and opened:
                assert row.variant in self.outside.orderable, "sent before it was marked"

    def teardown(self) -> None:
        """The faults end: every entry is done, exactly once."""
        if not hasattr(self, "queue"):
            return
        self.carry_out()
        for _ in range(len(self.added) + int(LONGEST_WAIT / OPTIONS.lease) + 1):
            for row in self.dead_rows:  # crashes before make dead letters now, too
                self.retry(row)
            self.clock.advance(OPTIONS.lease)
            self.work([(Trouble.NONE, None)] * 3)
        assert {} == self.model.rows
        self.agrees()
        self.runner.run(self.opened.__aexit__(None, None, None))
