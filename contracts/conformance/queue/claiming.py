"""Claiming: one holder at a time, the entry due longest first, none starves."""

# ruff: noqa: S101, SIM300 - a suite asserts, expected value first
import asyncio
from contextlib import suppress
from uuid import UUID

import attrs

from shelfport.contracts.conformance.queue.given import (
    Counts,
    an_entry,
    at,
    claimed,
    claimed_one,
    counts_of,
    found,
    key_of,
    keys,
    queue_case,
    queue_case_of_two,
    queued,
)
from shelfport.domain.model import LONGEST_WAIT, InitializationPolicy
from shelfport.ports import InitializationQueue


class ClaimingCases:
    """`claim` and `renew`."""

    @queue_case_of_two()
    async def test_a_claim_is_noted_in_the_entry(
        self, queue: InitializationQueue, other: InitializationQueue
    ) -> None:
        """A claim names the holder, counts a claim and no try, and lasts until the lease's end."""
        [key] = await queued(queue, an_entry())

        claim = await claimed_one(queue, 5, lease=30, holder="host/1")

        entry = claim.entry
        assert ("host/1", at(35)) == (entry.holder, entry.due_at)
        assert Counts(claims=1) == counts_of(entry)
        assert entry == await found(other, key)

    @queue_case_of_two()
    async def test_an_entry_has_one_holder_at_a_time(
        self, queue: InitializationQueue, other: InitializationQueue
    ) -> None:
        """A held entry cannot be claimed before its lease ends; then any worker can claim it.

        The claim that nothing ended counts: two claims in a row say that a process ended.
        """
        await queued(queue, an_entry())
        await claimed_one(queue, 0)

        assert [] == await claimed(other, 59.9)
        second = await claimed_one(other, 60)
        assert Counts(claims=2) == counts_of(second.entry)

    @queue_case_of_two()
    async def test_each_claim_has_a_greater_token(
        self, queue: InitializationQueue, other: InitializationQueue
    ) -> None:
        """The token of a claim is greater than those of all earlier claims of the entry."""
        await queued(queue, an_entry())
        first = await claimed_one(queue, 0)
        second = await claimed_one(other, 60)
        assert await other.give_back(second, now=at(61))
        third = await claimed_one(queue, 61)

        assert first.token < second.token < third.token

    @queue_case()
    async def test_the_entry_due_longest_comes_first(self, queue: InitializationQueue) -> None:
        """Claims go by due_at, then by queued_at."""
        later, sooner, same = await queued(
            queue, an_entry(3, due=5), an_entry(2, due=4), an_entry(1, due=5)
        )

        claims = [key for _ in range(3) for key in keys(await claimed(queue, 10))]
        assert [sooner, same, later] == claims

    @queue_case()
    async def test_an_entry_that_is_not_due_waits(self, queue: InitializationQueue) -> None:
        """An entry is claimed from its due_at on, and not before."""
        [key] = await queued(queue, an_entry(0, due=11))

        assert [] == await claimed(queue, 10.999)
        assert [key] == keys(await claimed(queue, 11))

    @queue_case()
    async def test_entries_of_a_policy_are_skipped(self, queue: InitializationQueue) -> None:
        """A worker that skips a policy claims the entries behind, and leaves those to others."""
        marked = attrs.evolve(an_entry(0), policy=InitializationPolicy.NOT_ORDERABLE)
        skipped, key = await queued(queue, marked, an_entry(1))

        claims = await queue.claim(
            holder="w", limit=1, now=at(2), lease=30, skip=InitializationPolicy.NOT_ORDERABLE
        )
        assert [key] == [key_of(claim.entry) for claim in claims]
        assert marked == await found(queue, skipped)
        assert [skipped] == keys(await claimed(queue, 2))

    @queue_case()
    async def test_a_claim_is_limited(self, queue: InitializationQueue) -> None:
        """A worker gets at most `limit` entries, and the next worker gets the rest."""
        given = await queued(queue, *(an_entry(n) for n in range(5)))

        assert given[:3] == keys(await claimed(queue, 10, limit=3))
        assert given[3:] == keys(await claimed(queue, 10, limit=3))

    @queue_case()
    async def test_a_failing_entry_does_not_delay_others(self, queue: InitializationQueue) -> None:
        """An entry that fails again and again comes after those that became due meanwhile."""
        poison, *others = await queued(queue, *(an_entry(n) for n in range(4)))
        order: list[UUID] = []
        for now in range(10, 15):
            claim = await claimed_one(queue, now)
            order.append(key_of(claim.entry))
            if order[-1] == poison:
                assert await queue.retry_later(claim, due_at=at(now), error="again")
            else:
                assert await queue.complete(claim)

        assert [poison, *others, poison] == order

    @queue_case()
    async def test_a_lease_is_renewed(self, queue: InitializationQueue) -> None:
        """A renewed lease lasts from then on, and the token stays valid."""
        await queued(queue, an_entry())
        claim = await claimed_one(queue, 0)

        assert await queue.renew(claim, now=at(50), lease=60)
        assert [] == await claimed(queue, 100)
        assert await queue.complete(claim)

    @queue_case()
    async def test_a_clock_that_is_set_back_delays_no_entry_for_long(
        self, queue: InitializationQueue
    ) -> None:
        """After a step of the clock back by an hour no entry waits for an hour.

        An entry due within LONGEST_WAIT waits; one that is due later was dated before the step, so
        it is due now.
        """
        hour = 3600.0
        given = await queued(queue, *(an_entry(hour + n) for n in range(3)))
        await claimed_one(queue, hour + 5)
        postponed = await claimed_one(queue, hour + 5)
        assert await queue.retry_later(postponed, due_at=at(hour + 600), error="busy")

        assert set(given) == set(keys(await claimed(queue, 5, limit=9)))

    @queue_case()
    async def test_an_entry_due_within_the_longest_wait_waits(
        self, queue: InitializationQueue
    ) -> None:
        """A step of the clock shorter than LONGEST_WAIT delays an entry by its length at most."""
        [key] = await queued(queue, an_entry(600))

        assert [] == await claimed(queue, 599)
        assert [key] == keys(await claimed(queue, 600))
        [key] = await queued(queue, an_entry(LONGEST_WAIT))
        assert [] == await claimed(queue, 0)
        assert [key] == keys(await claimed(queue, -0.001))

    @queue_case_of_two()
    async def test_many_workers_share_the_entries(
        self, queue: InitializationQueue, other: InitializationQueue
    ) -> None:
        """Workers that claim at the same moment get different entries, and together all."""
        given = await queued(queue, *(an_entry(n) for n in range(20)))

        async def work(client: InitializationQueue, name: str) -> list[UUID]:
            taken: list[UUID] = []
            while claims := await claimed(client, 100, limit=3, holder=name):
                taken.extend(keys(claims))
            return taken

        taken = await asyncio.gather(*(work(q, f"w{n}") for n in range(3) for q in (queue, other)))

        assert sorted(given) == sorted(key for each in taken for key in each)

    @queue_case()
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
        # What was sent runs to its end, and holds the entries meanwhile.
        for seconds in range(100, 2000, 100):
            again = await claimed(queue, seconds, limit=3)
            if again:
                break
            await asyncio.sleep(0.05)
        assert 3 == len(again)
