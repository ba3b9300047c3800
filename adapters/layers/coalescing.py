"""`CoalescingLayer`: request coalescing (single-flight); callers share in-flight reads."""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from math import inf

import attrs

from shelfport.adapters.layers.batching import BatchOptions, RequestSize, is_too_long
from shelfport.adapters.layers.in_flight import Ids, InFlightRead, ReadOutcome, Waiter
from shelfport.adapters.layers.retry_budget import RetryBudget
from shelfport.adapters.runtime.background import Background
from shelfport.domain.model import (
    Answer,
    Call,
    DeadlineExceeded,
    Initialized,
    InitialStock,
    InventoryError,
    Operation,
    OverloadedHere,
    ProductVariantId,
    RequestContext,
    Unreadable,
    settled,
)
from shelfport.ports import Clock, InventoryPort

_UNPROVEN = 5.0
"""Seconds for which no read is asked again, while those that were asked again bring no answer: the
service is slow for all, and parts would be more load for it."""
_LATE = 0.05
"""Seconds by which a timer is late if the loop stood still."""


@attrs.define(eq=False)
class CoalescingLayer:
    """Gathers the reads of one turn of the event loop, and joins in-flight reads.

    Each id is in flight at most once, but for what is asked again (below). What was gathered goes
    out in as few reads as possible, each with an outcome of its own: first pages, which share
    reads, then exports, which share none with a page. An export asks for more than one request
    takes. It joins part by part, so that no caller waits for the whole of it; `max_concurrency`
    bounds its requests in flight. Each part lets pages go first that are in flight, unless they are
    overdue: what this process does for 200 ids takes longer than the answer of a page.

    A shared read is a task of this layer, never of a caller: cancelling a caller, the first one
    included, does not cancel the read. It runs until the latest deadline of the callers that joined
    while it was pending; a caller that joined later, and has more time than that, asks again by
    itself. A caller joins an in-flight read only if that began no longer ago than the caller's
    `max_staleness`; with 0 it shares only the pending read.

    One slow id must not cost other callers their answer. So a read of several callers' ids that is
    unanswered after `soft_timeout` is asked again, once, in the part of each caller who still waits
    for it. Each part takes a token of the retry budget, and the first answer of each id counts. The
    first read goes on: its outcome counts, too. If no part is answered before, the service is slow
    for all, and nothing is asked again for a while.

    Right: `DeadlineLayer(CoalescingLayer(BatchingLayer(…)))`: each caller stops waiting at its own
    deadline.
    Wrong: `BatchingLayer(CoalescingLayer(…))`: the chunks of one call are gathered into one again.
    """

    inner: InventoryPort
    clock: Clock = attrs.field(repr=False)
    background: Background = attrs.field(repr=False)
    soft_timeout: float = 0.2
    """Seconds after which a read of several callers' ids is asked again in parts."""
    budget: RetryBudget = attrs.field(factory=RetryBudget, repr=False)
    """Gives a token for each part that is asked again: the budget of `RetryLayer`."""
    size: RequestSize = attrs.field(
        factory=lambda: RequestSize(BatchOptions().max_size), repr=False
    )
    """What one request takes: the size of `BatchingLayer`."""
    max_concurrency: int = BatchOptions().max_concurrency
    """Requests of one export in flight at once, at most."""
    requests_of_read: int = 1
    """Requests that one read may become, at most. With a shared cache below several, as it looks up
    many ids as fast as a few, and most of them are not asked for then."""
    _pending: InFlightRead | None = attrs.field(init=False, default=None, repr=False)
    """What starts at the end of this turn of the loop."""
    _in_flight: dict[ProductVariantId, InFlightRead] = attrs.field(
        init=False, factory=dict, repr=False
    )
    """The latest read of each id that is not completed."""
    _tasks: "dict[InFlightRead, asyncio.Task[None]]" = attrs.field(
        init=False, factory=dict, repr=False
    )
    """The task of each read that is not completed, the pending one included."""
    _asks_again_from: float = attrs.field(init=False, default=-inf, repr=False)
    """On the monotonic clock: before, no read is asked again."""

    async def read(
        self, ids: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        """See `InventoryPort.read`."""
        wanted = dict.fromkeys(ids)
        if len(wanted) <= self.size.max_ids:
            return settled(await self._read(wanted, call))
        answers: dict[ProductVariantId, Answer] = {}
        left = deque(wanted)
        await asyncio.sleep(0)  # the pages of this turn of the loop go out first
        async with asyncio.TaskGroup() as tasks:
            for _ in range(max(1, self.max_concurrency // self.requests_of_read)):
                tasks.create_task(self._export(left, answers, call))
        return settled({variant: answers[variant] for variant in wanted})

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        """Forward the call: each initialization is an operation of its own."""
        return await self.inner.initialize(request, call)

    async def _export(
        self,
        left: deque[ProductVariantId],
        answers: dict[ProductVariantId, Answer],
        call: Call,
    ) -> None:
        """Read one part after the other of what is `left`."""
        while left:
            part: Ids = {}
            for _ in range(self.requests_of_read):
                part.update(dict.fromkeys(self.size.take(left)))
            try:
                answers.update(await self._read(part, call, is_export=True))
            except InventoryError as error:
                if is_too_long(error):  # of one id, so what is left would be refused as well
                    part.update(dict.fromkeys(left))
                    left.clear()
                answers.update(dict.fromkeys(part, Unreadable(error)))

    async def _read(
        self, wanted: Ids, call: Call, *, is_export: bool = False
    ) -> Mapping[ProductVariantId, Answer]:
        """Read `wanted` in shared reads.

        Raises:
            InventoryError: of a read that had no other caller, and failed.
        """
        answers: dict[ProductVariantId, Answer] = {}
        missing = wanted
        oldest = self._oldest(call)
        joins_running = True
        while missing:
            again: Ids = {}
            too_old: Ids = {}
            waiter = Waiter(call, is_export, asyncio.get_running_loop().create_future())
            self._join(missing, waiter, joins_running=joins_running)
            await waiter.woken
            for share in waiter.shares:
                shared, outcome = share.ids, share.outcome()
                if len(share.read.shares) == 1 and len(shared) == len(wanted):
                    # No other caller joined: the outcome is the answer as it stands.
                    if isinstance(outcome, InventoryError):
                        raise outcome.again()
                    return outcome
                if isinstance(outcome, InventoryError):
                    outcome = dict.fromkeys(shared, Unreadable(outcome))
                for variant in shared:
                    answers[variant] = outcome[variant]
                if _has_more_time(call, share.read):
                    again |= dict.fromkeys(v for v in shared if _cut_short(answers[v]))
                if oldest is not None and not share.was_pending:
                    # A layer below may have answered from a cache, under another caller's limit.
                    too_old |= dict.fromkeys(v for v in shared if _is_before(answers[v], oldest))
            missing = again | too_old
            joins_running = joins_running and not too_old
        return {variant: answers[variant] for variant in wanted}

    def _oldest(self, call: Call) -> datetime | None:
        """The earliest `as_of` that the caller accepts; None if it accepts every age."""
        if call.max_staleness is None:
            return None
        return self.clock.now() - timedelta(seconds=call.max_staleness)

    def _join(self, wanted: Ids, waiter: Waiter, *, joins_running: bool) -> None:
        """Join a read for each id: a running one, if it may be joined, or the pending one."""
        now = self.clock.monotonic()
        in_flight = self._in_flight
        only_pending = self._pending is not None and len(self._tasks) == 1
        if only_pending or in_flight.keys().isdisjoint(wanted):
            read = self._pending_read(now)
            read.ids.update(wanted)
            in_flight.update(dict.fromkeys(wanted, read))
            read.add(waiter, wanted, was_pending=True)
            return
        limit = waiter.call.max_staleness
        oldest = now - (inf if limit is None else limit)
        shared: dict[InFlightRead, Ids] = {}
        for variant in wanted:
            joined = in_flight.get(variant)
            if joined is None or (
                joined is not self._pending and (not joins_running or joined.began <= oldest)
            ):
                joined = in_flight[variant] = self._pending_read(now)
                joined.ids[variant] = None
            shared.setdefault(joined, {})[variant] = None
        for read, ids in shared.items():
            read.add(waiter, ids, was_pending=read is self._pending)
            if read is not self._pending and len(ids) < len(read.ids):
                self._watch(read)

    def _pending_read(self, now: float) -> InFlightRead:
        """What starts at the end of this turn of the loop."""
        if self._pending is None:
            read = InFlightRead(now)
            self._start(read)
            self._pending = read
        return self._pending

    def _start(self, read: InFlightRead) -> None:
        """Run `read` in a task, from the next turn of the loop on."""
        task = self.background.start(self._run(read), "inventory read")
        task.add_done_callback(lambda _: self._task_ended(read))
        self._tasks[read] = task

    def _task_ended(self, read: InFlightRead) -> None:
        """Complete `read` if its task was cancelled, perhaps before its first step."""
        if not read.is_completed:
            context = RequestContext(Operation.READ, tuple(read.ids), read.shared_call())
            self._complete(read, context.error(OverloadedHere, "this process is shutting down"))

    def _divide(self, read: InFlightRead) -> None:
        """Leave in `read` what goes out first, and start a read for each further part of it."""
        # A task's first step comes after all callers of this turn of the loop have joined.
        self._pending = None
        for further in read.divide(self.size.max_ids * self.requests_of_read):
            self._in_flight.update(dict.fromkeys(further.ids, further))
            self._start(further)

    async def _run(self, read: InFlightRead) -> None:
        if read is self._pending:
            self._divide(read)
        if not read.has_page:
            await self._let_pages_go_first()
        ids, call = tuple(read.ids), read.shared_call()
        read.deadline = call.deadline
        if any(share.may_be_asked_again for share in read.shares):
            self._watch(read)
        left = None if call.deadline is None else call.deadline - self.clock.monotonic()
        timeout = asyncio.timeout(left)
        try:
            # The callers' own deadlines end only their waiting; this one ends a read that hangs.
            async with timeout:
                outcome = await self.inner.read(ids, call)
        except InventoryError as error:
            self._complete(read, error)
        except TimeoutError as error:
            if not timeout.expired():
                self._complete(read, error)
                raise
            sentence = "the deadline passed while waiting for the Inventory Service"
            context = RequestContext(Operation.READ, ids, call)
            self._complete(read, context.error(DeadlineExceeded, sentence))
        except asyncio.CancelledError:
            raise  # `_task_ended` completes the read
        except BaseException as error:
            self._complete(read, error)
            raise
        else:
            self._complete(read, outcome)

    async def _let_pages_go_first(self) -> None:
        """Wait for the pages in flight that are not overdue, until they are."""
        now = self.clock.monotonic()
        ahead = [read for read in self._tasks if read.has_page and not self._is_overdue(read, now)]
        if ahead:
            latest = max(read.began for read in ahead)
            tasks = [self._tasks[read] for read in ahead]
            await asyncio.wait(tasks, timeout=latest + self.soft_timeout - now)

    def _is_overdue(self, read: InFlightRead, now: float) -> bool:
        return now >= read.began + self.soft_timeout

    def _watch(self, read: InFlightRead) -> None:
        """Ask `read` again when it is overdue: a caller waits for other callers' ids as well."""
        if read.overdue is None:
            self._ask_again_at(read.began + self.soft_timeout, read)

    def _ask_again_at(self, due: float, read: InFlightRead) -> None:
        now = self.clock.monotonic()
        due = max(due, now)
        loop = asyncio.get_running_loop()
        read.overdue = loop.call_later(due - now, self._ask_again, due, read)

    def _ask_again(self, due: float, read: InFlightRead) -> None:
        """Ask the parts of the callers who still wait for `read`, as far as the budget allows."""
        now = self.clock.monotonic()
        # If this loop stood still, the answer may be there, unread.
        if now - due < _LATE and now >= self._asks_again_from:
            self._ask_parts(read, now)
        read.overdue = None
        if any(share.may_be_asked_again for share in read.shares):
            self._ask_again_at(now + max(self.soft_timeout, _LATE), read)

    def _ask_parts(self, read: InFlightRead, now: float) -> None:
        asked: dict[frozenset[ProductVariantId], InFlightRead] = {}
        for share in read.shares:
            if not share.may_be_asked_again:
                continue
            ids = frozenset(share.ids)
            if ids not in asked:
                if not self.budget.take():
                    continue
                part = InFlightRead(now, dict(share.ids))
                try:
                    self._start(part)
                except RuntimeError:  # the scope of tasks was left, which ends `read` as well
                    return
                asked[ids] = part
                self._in_flight.update(dict.fromkeys(ids, part))
                self._asks_again_from = now + _UNPROVEN
            share.ask_again(asked[ids])

    def _complete(self, read: InFlightRead, outcome: ReadOutcome | BaseException) -> None:
        if self._pending is read:
            self._pending = None
        del self._tasks[read]
        in_flight = self._in_flight
        if not self._tasks:
            in_flight.clear()  # all entries were of this read
        else:
            for variant in read.ids:
                if in_flight.get(variant) is read:
                    del in_flight[variant]
        if not isinstance(outcome, BaseException) and read.is_of_use:
            self._asks_again_from = -inf  # only some ids are slow
        read.complete(outcome)


def _has_more_time(call: Call, read: InFlightRead) -> bool:
    return read.deadline is not None and (call.deadline is None or read.deadline < call.deadline)


def _is_before(answer: Answer, oldest: datetime) -> bool:
    """Whether this answer is older than a caller accepts."""
    return not isinstance(answer, Unreadable) and answer.as_of is not None and answer.as_of < oldest


def _cut_short(answer: Answer) -> bool:
    """Whether a deadline ended the read of this answer."""
    return type(answer) is Unreadable and isinstance(answer.error, DeadlineExceeded)
