"""Storing: an entry is kept as it is until it is done or dropped."""

# ruff: noqa: S101, SIM300 - a suite asserts, expected value first
from contextlib import AsyncExitStack
from uuid import UUID, uuid4

import attrs

from shelfport.contracts.conformance.io_watch import watched_io
from shelfport.contracts.conformance.port_suite import always, chosen_by, port_case
from shelfport.contracts.conformance.queue.given import (
    Counts,
    an_entry,
    at,
    claimed,
    counts_of,
    found,
    key_of,
    queue_case,
    queue_case_of_two,
    queued,
)
from shelfport.contracts.conformance.queue.harness import QueueHarness
from shelfport.domain.model import (
    DeadLetterReason,
    InitializationPolicy,
    QueuedInitialization,
    QueueFailed,
    QueueStats,
)
from shelfport.ports import InitializationQueue

_TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class StoringCases:
    """`add`, `find`, `entries`, `stats`, `drop`, and the life of a client."""

    @chosen_by(always)
    def test_constructing_it_does_no_io(self, harness: QueueHarness) -> None:
        """The constructor needs no event loop, and opens no file and no connection."""
        harness.queue()  # imports its modules
        with watched_io() as seen:
            harness.queue()

        assert [] == seen

    @queue_case()
    async def test_it_has_the_methods_of_the_port(self, queue: InitializationQueue) -> None:
        """A dependency injection that checks types accepts it as an `InitializationQueue`."""
        assert isinstance(queue, InitializationQueue)

    @queue_case_of_two()
    async def test_an_entry_is_stored_completely(
        self, queue: InitializationQueue, other: InitializationQueue
    ) -> None:
        """Every field of an entry is stored, instants to the microsecond."""
        plain = an_entry()
        entry = QueuedInitialization(
            request=attrs.evolve(
                plain.request,
                initial_quantity=2**31 - 1,
                low_stock_threshold=0,
                host_id="sku/1 ž",
            ),
            policy=InitializationPolicy.NOT_ORDERABLE,
            queued_at=at(0.000001),
            due_at=at(59.999999),
            correlation_id="the-host's",
            traceparent=_TRACE,
            tries=1,
            last_error="it said: 'späť'",
        )

        await queued(queue, entry)

        assert entry == await found(other, key_of(entry))
        assert entry.request.host_id == (await found(other, key_of(entry))).request.host_id
        assert await other.find(uuid4()) is None

    @queue_case()
    async def test_a_key_is_stored_once(self, queue: InitializationQueue) -> None:
        """A second entry with the same key is no error, and leaves the first one as it is."""
        entry = an_entry()
        await queued(queue, entry)

        assert not await queue.add(attrs.evolve(entry, queued_at=at(9), tries=7))
        assert entry == await found(queue, key_of(entry))

    @port_case()
    async def test_entries_outlive_the_client(self, harness: QueueHarness) -> None:
        """Another client finds the entries of one that was closed, in their last state."""
        async with harness.queue() as queue:
            first, second = await queued(queue, an_entry(1), an_entry(2))
            await claimed(queue, 5, holder="gone")

        async with harness.queue() as queue:
            assert [first, second] == [key_of(entry) for entry in await queue.entries()]
            held = await found(queue, first)
            assert ("gone", Counts(claims=1)) == (held.holder, counts_of(held))

    @port_case(lambda suite: suite.breaks)
    async def test_a_failure_is_a_queue_failed(self, harness: QueueHarness) -> None:
        """Where the storage cannot be reached, only `QueueFailed` is raised, with its cause."""
        raised: BaseException | None = None
        try:
            async with AsyncExitStack() as opened:
                queue = await opened.enter_async_context(harness.broken())
                await queue.add(an_entry())
        except Exception as error:
            raised = error

        assert isinstance(raised, QueueFailed), f"{raised!r} left the port"
        assert raised.__cause__ is not None, "the driver's own error is not the cause"

    @queue_case()
    async def test_dropping_removes_an_entry(self, queue: InitializationQueue) -> None:
        """A dropped entry is gone, even a claimed one; a second drop returns False."""
        [key] = await queued(queue, an_entry())
        [claim] = await claimed(queue)

        assert await queue.drop(key)
        assert not await queue.complete(claim)
        assert await queue.find(key) is None
        assert not await queue.drop(key)

    @queue_case()
    async def test_a_change_is_of_one_entry(self, queue: InitializationQueue) -> None:
        """A change of one entry leaves another one of the same variant as it is."""
        mine = an_entry()
        yours = an_entry(variant=mine.request.variant_id)
        await queued(queue, mine, yours)

        assert await queue.drop(key_of(mine))
        assert yours == await queue.find(key_of(yours))

    @queue_case_of_two()
    async def test_stats_count_what_waits(
        self, queue: InitializationQueue, other: InitializationQueue
    ) -> None:
        """Held entries count as waiting, dead letters do not; `oldest` is of a waiting one."""
        assert QueueStats(waiting=0, oldest=None, dead_letters=0) == await queue.stats()
        await queued(queue, *(an_entry(n) for n in range(4)))
        oldest, _second = await claimed(queue, 10, limit=2)

        assert QueueStats(waiting=4, oldest=at(0), dead_letters=0) == await other.stats()
        await queue.dead_letter(oldest, now=at(11), reason=DeadLetterReason.REJECTED, error="no")
        assert QueueStats(waiting=3, oldest=at(1), dead_letters=1) == await other.stats()

    @queue_case()
    async def test_entries_are_listed_by_age(self, queue: InitializationQueue) -> None:
        """A list is in the order of queueing, of the given length and kind."""
        second, first, third = await queued(queue, an_entry(2), an_entry(1), an_entry(3))
        [claim] = await claimed(queue, 1)
        await queue.dead_letter(claim, now=at(1), reason=DeadLetterReason.REJECTED, error="no")

        async def listed(*, dead: bool | None = None, limit: int = 100) -> list[UUID]:
            return [key_of(entry) for entry in await queue.entries(dead=dead, limit=limit)]

        assert [first, second, third] == await listed()
        assert [first, second] == await listed(limit=2)
        assert [first] == await listed(dead=True)
        assert [second, third] == await listed(dead=False)
