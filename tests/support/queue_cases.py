"""The obligations of every queue, as a class of tests that each adapter's tests inherit."""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import attrs

from shelfport import InitializationPolicy
from shelfport.domain.model import LONGEST_WAIT, Claim
from shelfport.outbox import (
    DeadLetterReason,
    InitializationQueue,
    QueuedInitialization,
    QueueStats,
)
from tests.support.clocks import EPOCH
from tests.support.values import an_id, an_initial_stock

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
LEASE = 60.0


def at(seconds: float) -> datetime:
    return EPOCH + timedelta(seconds=seconds)


def key_of(entry: QueuedInitialization) -> UUID:
    return entry.request.idempotency_key


def an_entry(queued: float = 0.0, *, due: float | None = None) -> QueuedInitialization:
    return QueuedInitialization(
        request=an_initial_stock(), queued_at=at(queued), due_at=at(queued if due is None else due)
    )


async def claimed(
    queue: InitializationQueue,
    now: float = 0.0,
    *,
    limit: int = 1,
    lease: float = LEASE,
    holder: str = "w",
) -> list[Claim]:
    claims = await queue.claim(holder=holder, limit=limit, now=at(now), lease=lease)
    return sorted(claims, key=lambda claim: claim.entry.queued_at)


async def queued(queue: InitializationQueue, *entries: QueuedInitialization) -> list[UUID]:
    for entry in entries:
        assert await queue.add(entry)
    return [key_of(entry) for entry in entries]


def keys(claims: list[Claim]) -> list[UUID]:
    return [key_of(claim.entry) for claim in claims]


class QueueCases:
    """Inherit it, and define the fixtures `queue` and `other`: two clients of one empty queue."""

    async def test_an_entry_is_stored_completely(
        self, queue: InitializationQueue, other: InitializationQueue
    ) -> None:
        """Every field of an entry is stored, instants to the microsecond."""
        entry = QueuedInitialization(
            request=attrs.evolve(
                an_initial_stock(), initial_quantity=2**31 - 1, low_stock_threshold=0
            ),
            policy=InitializationPolicy.NOT_ORDERABLE,
            queued_at=at(0.000001),
            due_at=at(59.999999),
            correlation_id="the-host's",
            traceparent=TRACE,
            attempts=1,
            last_error="it said: 'späť'",
        )

        assert await queue.add(entry)
        assert entry == await other.find(key_of(entry))
        assert await other.find(uuid4()) is None

    async def test_a_key_is_stored_once(self, queue: InitializationQueue) -> None:
        """A second entry with the same key is no error, and leaves the first one as it is."""
        entry = an_entry()
        await queued(queue, entry)

        assert not await queue.add(attrs.evolve(entry, queued_at=at(9), attempts=7))
        assert entry == await queue.find(key_of(entry))

    async def test_a_claim(self, queue: InitializationQueue, other: InitializationQueue) -> None:
        """A claim names the holder, counts an attempt, and lasts until the lease's end."""
        [key] = await queued(queue, an_entry())

        [claim] = await claimed(queue, 5, lease=30, holder="host/1")

        assert ("host/1", 1, at(35)) == (
            claim.entry.holder,
            claim.entry.attempts,
            claim.entry.due_at,
        )
        assert claim.entry == await other.find(key)

    async def test_one_holder_at_a_time(
        self, queue: InitializationQueue, other: InitializationQueue
    ) -> None:
        """A held entry cannot be claimed before its lease ends; then it can, with a new token."""
        await queued(queue, an_entry())
        [first] = await claimed(queue, 0)

        assert [] == await claimed(other, 59.9)
        [second] = await claimed(other, 60)
        assert second.token > first.token
        assert 2 == second.entry.attempts

    async def test_the_entry_due_longest_comes_first(self, queue: InitializationQueue) -> None:
        """Claims go by due_at, then by queued_at; an entry that is not due is not claimed."""
        later, sooner, same, future = await queued(
            queue, an_entry(3, due=5), an_entry(2, due=4), an_entry(1, due=5), an_entry(0, due=11)
        )

        assert [sooner] == keys(await claimed(queue, 10))
        assert [same] == keys(await claimed(queue, 10))
        assert [later] == keys(await claimed(queue, 10))
        assert [] == await claimed(queue, 10)
        assert [future] == keys(await claimed(queue, 11))

    async def test_a_claim_is_limited(self, queue: InitializationQueue) -> None:
        """A worker gets at most `limit` entries, and the next worker gets the rest."""
        given = await queued(queue, *(an_entry(n) for n in range(5)))

        assert given[:3] == keys(await claimed(queue, 10, limit=3))
        assert given[3:] == keys(await claimed(queue, 10, limit=3))

    async def test_a_failing_entry_does_not_delay_others(self, queue: InitializationQueue) -> None:
        """An entry that fails again and again comes after those that became due meanwhile."""
        poison, *others = await queued(queue, *(an_entry(n) for n in range(4)))
        order: list[UUID] = []
        for now in range(10, 15):
            [claim] = await claimed(queue, now)
            order.append(key_of(claim.entry))
            if order[-1] == poison:
                assert await queue.retry_later(claim, due_at=at(now), error="again")
            else:
                assert await queue.complete(claim)

        assert [poison, *others, poison] == order

    async def test_complete(self, queue: InitializationQueue, other: InitializationQueue) -> None:
        """A completed entry is deleted."""
        [key] = await queued(queue, an_entry())
        [claim] = await claimed(queue)

        assert await other.complete(claim)
        assert await queue.find(key) is None
        assert not await queue.complete(claim)

    async def test_retry_later(self, queue: InitializationQueue) -> None:
        """A failed entry waits until it is due again, unclaimed, with its error."""
        [key] = await queued(queue, an_entry())
        [claim] = await claimed(queue)

        assert await queue.retry_later(claim, due_at=at(30), error="busy")

        found = await queue.find(key)
        assert attrs.evolve(claim.entry, due_at=at(30), last_error="busy", holder=None) == found
        assert [] == await claimed(queue, 29)
        [again] = await claimed(queue, 30)
        assert 2 == again.entry.attempts

    async def test_any_error_can_be_stored(self, queue: InitializationQueue) -> None:
        """An entry is postponed even if its error has characters that a database rejects."""
        [key] = await queued(queue, an_entry())
        [claim] = await claimed(queue)

        assert await queue.retry_later(claim, due_at=at(1), error="nul \x00, \ud800, " + "x" * 9999)
        found = await queue.find(key)
        assert found is not None
        assert found.last_error is not None
        assert found.last_error.startswith("nul ")

    async def test_give_back(self, queue: InitializationQueue) -> None:
        """An entry that was given back is due at once, and no attempt is counted."""
        [key] = await queued(queue, an_entry())
        [claim] = await claimed(queue, 5)

        assert await queue.give_back(claim, now=at(6))

        assert attrs.evolve(an_entry(), request=claim.entry.request, due_at=at(6)) == (
            await queue.find(key)
        )

    async def test_dead_letter_and_retry(self, queue: InitializationQueue) -> None:
        """A dead letter is not claimed until a person retries it; then attempts count from 1."""
        [key] = await queued(queue, an_entry())
        for now in (0, 60, 120):
            [claim] = await claimed(queue, now)
        assert await queue.dead_letter(
            claim, now=at(130), reason=DeadLetterReason.EXHAUSTED, error="never"
        )

        dead = await queue.find(key)
        assert dead is not None
        assert dead.dead_letter is not None
        assert (at(130), DeadLetterReason.EXHAUSTED, "never", None) == (
            dead.dead_letter.at,
            dead.dead_letter.reason,
            dead.last_error,
            dead.holder,
        )
        assert [] == await claimed(queue, 10_000)

        assert await queue.retry(key, now=at(200))
        [again] = await claimed(queue, 200)
        assert (2, None) == (again.entry.attempts, again.entry.dead_letter)
        assert again.token > claim.token

    async def test_retry_of_a_waiting_entry(self, queue: InitializationQueue) -> None:
        """A waiting entry is due at once, and its claim is void; an unknown key returns False."""
        [key] = await queued(queue, an_entry(due=500))

        assert await queue.retry(key, now=at(7))
        [claim] = await claimed(queue, 7)
        assert 1 == claim.entry.attempts
        assert await queue.retry(key, now=at(8))
        assert not await queue.complete(claim)
        assert not await queue.retry(uuid4(), now=at(9))

    async def test_an_old_token_changes_nothing(
        self, queue: InitializationQueue, other: InitializationQueue
    ) -> None:
        """A worker whose token is not the last one can change nothing."""
        [key] = await queued(queue, an_entry())
        [old] = await claimed(queue, 0)
        [new] = await claimed(other, 60)
        before = await queue.find(key)

        assert [False] * 5 == [
            await queue.renew(old, now=at(61), lease=LEASE),
            await queue.retry_later(old, due_at=at(61), error="old"),
            await queue.give_back(old, now=at(61)),
            await queue.dead_letter(old, now=at(61), reason=DeadLetterReason.REJECTED, error="old"),
            await queue.complete(old),
        ]
        assert before == await queue.find(key)
        assert await other.complete(new)

    async def test_a_token_is_new_for_a_new_entry(self, queue: InitializationQueue) -> None:
        """An old claim cannot change an entry that was dropped and stored once more."""
        entry = an_entry()
        await queued(queue, entry)
        [old] = await claimed(queue, 0)
        assert await queue.drop(key_of(entry))
        await queued(queue, entry)
        [new] = await claimed(queue, 1)

        assert new.token > old.token
        assert not await queue.complete(old)

    async def test_renew(self, queue: InitializationQueue) -> None:
        """A renewed lease lasts from then on, and the token stays valid."""
        await queued(queue, an_entry())
        [claim] = await claimed(queue, 0)

        assert await queue.renew(claim, now=at(50), lease=LEASE)
        assert [] == await claimed(queue, 100)
        assert await queue.complete(claim)

    async def test_marked(self, queue: InitializationQueue) -> None:
        """The mark is stored, and survives the end of the claim."""
        [key] = await queued(queue, an_entry())
        [claim] = await claimed(queue, 0)

        assert await queue.note_marked(claim) is True
        assert await queue.give_back(claim, now=at(1))
        found = await queue.find(key)
        assert found is not None
        assert found.marked

    async def test_a_late_mark(
        self, queue: InitializationQueue, other: InitializationQueue
    ) -> None:
        """A mark by a worker that lost its lease voids the other claim, so the entry is done again.

        Else the other one could finish, and leave the product marked for good.
        """
        await queued(queue, an_entry())
        [old] = await claimed(queue, 0)
        [new] = await claimed(other, 60)

        assert await queue.note_marked(old) is False
        assert not await other.complete(new)
        [again] = await claimed(other, 120)
        assert again.entry.marked
        assert await other.complete(again)
        assert await queue.note_marked(old) is None

    async def test_drop(self, queue: InitializationQueue) -> None:
        """A drop deletes an entry, even a claimed one; a second drop returns False."""
        [key] = await queued(queue, an_entry())
        [claim] = await claimed(queue)

        assert await queue.drop(key)
        assert not await queue.complete(claim)
        assert not await queue.drop(key)

    async def test_a_clock_that_is_set_back(self, queue: InitializationQueue) -> None:
        """After a step of the clock back by an hour no entry waits for an hour.

        An entry due within LONGEST_WAIT waits; one that is due later was dated before the step, so
        it is due now.
        """
        hour = 3600.0
        given = await queued(queue, *(an_entry(hour + n) for n in range(3)))
        [_held] = await claimed(queue, hour + 5)
        [postponed] = await claimed(queue, hour + 5)
        assert await queue.retry_later(postponed, due_at=at(hour + 600), error="busy")

        assert set(given) == set(keys(await claimed(queue, 5, limit=9)))

    async def test_a_small_step_back_costs_a_bounded_wait(self, queue: InitializationQueue) -> None:
        """A step shorter than LONGEST_WAIT delays an entry by its own length at most."""
        [key] = await queued(queue, an_entry(600))

        assert [] == await claimed(queue, 599)
        assert [key] == keys(await claimed(queue, 600))
        [key] = await queued(queue, an_entry(LONGEST_WAIT))
        assert [] == await claimed(queue, 0)
        assert [key] == keys(await claimed(queue, -0.001))

    async def test_stats(self, queue: InitializationQueue, other: InitializationQueue) -> None:
        """Held entries count as waiting, dead letters do not; `oldest` is of a waiting one."""
        assert QueueStats(waiting=0, oldest=None, dead_letters=0) == await queue.stats()
        await queued(queue, *(an_entry(n) for n in range(4)))
        oldest, _second = await claimed(queue, 10, limit=2)

        assert QueueStats(waiting=4, oldest=at(0), dead_letters=0) == await other.stats()
        await queue.dead_letter(oldest, now=at(11), reason=DeadLetterReason.REJECTED, error="no")
        assert QueueStats(waiting=3, oldest=at(1), dead_letters=1) == await other.stats()

    async def test_entries(self, queue: InitializationQueue) -> None:
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

    async def test_many_workers(
        self, queue: InitializationQueue, other: InitializationQueue
    ) -> None:
        """Workers that claim at the same moment get different entries, and together all."""
        given = await queued(queue, *(an_entry(n) for n in range(20)))

        async def work(door: InitializationQueue, name: str) -> list[UUID]:
            taken: list[UUID] = []
            while claims := await claimed(door, 100, limit=3, holder=name):
                taken.extend(keys(claims))
            return taken

        taken = await asyncio.gather(*(work(q, f"w{n}") for n in range(3) for q in (queue, other)))

        assert sorted(given) == sorted(key for each in taken for key in each)

    async def test_a_cancelled_claim_is_whole(self, queue: InitializationQueue) -> None:
        """A cancelled claim has claimed all of its entries, or none."""
        await queued(queue, *(an_entry(n) for n in range(3)))

        task = asyncio.create_task(claimed(queue, 10, limit=3, holder="gone"))
        await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

        rest = await claimed(queue, 10, limit=3)
        assert len(rest) in (0, 3)
        assert 3 == len(await claimed(queue, 100, limit=3))

    async def test_wake(self, queue: InitializationQueue) -> None:
        """Storing an entry ends a wait in this process; an early wake-up ends the next wait."""
        waiting = asyncio.create_task(queue.wait(20))
        await asyncio.sleep(0)
        await queued(queue, an_entry())
        await asyncio.wait_for(waiting, 5)

        queue.wake()
        await asyncio.wait_for(queue.wait(20), 5)
        await asyncio.wait_for(queue.wait(0.001), 5)

    async def test_an_id_is_no_pattern(self, queue: InitializationQueue) -> None:
        """A change of one entry leaves entries of other variants as they are."""
        mine = attrs.evolve(an_entry(), request=an_initial_stock(an_id(1)))
        yours = attrs.evolve(an_entry(), request=an_initial_stock(an_id(1)))
        await queued(queue, mine, yours)

        assert await queue.drop(key_of(mine))
        assert yours == await queue.find(key_of(yours))
