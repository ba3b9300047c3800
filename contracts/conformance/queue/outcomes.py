"""Outcomes: what a claim changes, and that a void claim changes nothing."""

# ruff: noqa: S101, SIM300 - a suite asserts, expected value first
from uuid import uuid4

import attrs

from shelfport.contracts.conformance.queue.given import (
    LEASE,
    Counts,
    an_entry,
    at,
    claimed,
    claimed_one,
    counts_of,
    found,
    key_of,
    queue_case,
    queue_case_of_two,
    queued,
)
from shelfport.domain.model import DeadLetterReason
from shelfport.ports import InitializationQueue


class OutcomeCases:
    """The methods that take a claim, and those of a person: `retry` and `drop`."""

    @queue_case_of_two()
    async def test_a_completed_entry_is_removed(
        self, queue: InitializationQueue, other: InitializationQueue
    ) -> None:
        """A completed entry is gone, and cannot be completed again."""
        [key] = await queued(queue, an_entry())
        claim = await claimed_one(queue)

        assert await other.complete(claim)
        assert await queue.find(key) is None
        assert not await queue.complete(claim)

    @queue_case()
    async def test_a_failed_entry_is_postponed(self, queue: InitializationQueue) -> None:
        """A failed entry waits until it is due again, unclaimed, with its error and a try more."""
        [key] = await queued(queue, an_entry())
        claim = await claimed_one(queue)

        assert await queue.retry_later(claim, due_at=at(30), error="busy")

        expected = attrs.evolve(
            claim.entry, due_at=at(30), last_error="busy", holder=None, tries=1, claims=0
        )
        assert expected == await found(queue, key)
        assert [] == await claimed(queue, 29)
        assert Counts(tries=1, claims=1) == counts_of((await claimed_one(queue, 30)).entry)

    @queue_case()
    async def test_only_an_answer_counts_as_an_attempt(self, queue: InitializationQueue) -> None:
        """Each try counts; it is an attempt only if the service answered about the entry."""
        [key] = await queued(queue, an_entry())
        counted = []
        for now, answered in ((0, True), (1, False), (2, True)):
            claim = await claimed_one(queue, now)
            assert await queue.retry_later(
                claim, due_at=at(now + 1), error="busy", answered=answered
            )
            counted.append(counts_of(await found(queue, key)))

        assert [
            Counts(tries=1, attempts=1),
            Counts(tries=2, attempts=1),
            Counts(tries=3, attempts=2),
        ] == counted

    @queue_case()
    async def test_a_try_that_ends_resets_the_claims(self, queue: InitializationQueue) -> None:
        """Once a try has ended in order, claims that ended with their process do not count."""
        [key] = await queued(queue, an_entry())
        for now in (0, 60, 120):
            claim = await claimed_one(queue, now)
        assert 3 == claim.entry.claims

        assert await queue.retry_later(claim, due_at=at(130), error="busy")

        assert Counts(tries=1) == counts_of(await found(queue, key))
        assert Counts(tries=1, claims=1) == counts_of((await claimed_one(queue, 130)).entry)

    @queue_case()
    async def test_any_error_can_be_stored(self, queue: InitializationQueue) -> None:
        """An entry is postponed even if its error has characters that a database rejects."""
        [key] = await queued(queue, an_entry())
        claim = await claimed_one(queue)

        assert await queue.retry_later(claim, due_at=at(1), error="nul \x00, \ud800, " + "x" * 9999)
        stored = (await found(queue, key)).last_error
        assert stored is not None
        assert stored.startswith("nul ")

    @queue_case()
    async def test_an_entry_given_back_counts_nothing(self, queue: InitializationQueue) -> None:
        """An entry that was given back is due at once, and neither a try nor the claim counts."""
        entry = an_entry()
        [key] = await queued(queue, entry)
        claim = await claimed_one(queue, 5)

        assert await queue.give_back(claim, now=at(6))

        assert attrs.evolve(entry, due_at=at(6)) == await found(queue, key)

    @queue_case()
    async def test_giving_back_uncounts_one_claim(self, queue: InitializationQueue) -> None:
        """A claim that is given back does not count; an earlier one whose process ended does."""
        [key] = await queued(queue, an_entry())
        await claimed_one(queue, 0)
        claim = await claimed_one(queue, 60)

        assert await queue.give_back(claim, now=at(61))

        assert Counts(claims=1) == counts_of(await found(queue, key))

    @queue_case()
    async def test_a_dead_letter_says_when_and_why(self, queue: InitializationQueue) -> None:
        """A dead letter has its instant, its reason and the last error, and no holder."""
        [key] = await queued(queue, an_entry())
        claim = await claimed_one(queue, 0)

        assert await queue.dead_letter(
            claim, now=at(13), reason=DeadLetterReason.EXHAUSTED, error="never"
        )

        dead = await found(queue, key)
        assert dead.dead_letter is not None
        assert (at(13), DeadLetterReason.EXHAUSTED) == (
            dead.dead_letter.at,
            dead.dead_letter.reason,
        )
        assert ("never", None) == (dead.last_error, dead.holder)

    @queue_case()
    async def test_a_dead_letter_is_not_claimed(self, queue: InitializationQueue) -> None:
        """A dead letter stays until a person decides."""
        await queued(queue, an_entry())
        claim = await claimed_one(queue, 0)
        await queue.dead_letter(claim, now=at(1), reason=DeadLetterReason.REJECTED, error="no")

        assert [] == await claimed(queue, 10_000)

    @queue_case()
    async def test_a_retried_dead_letter_waits_again(self, queue: InitializationQueue) -> None:
        """A person retries a dead letter: it is claimed, and everything is counted anew.

        One try is left of those before, as the record may exist: it is read first.
        """
        [key] = await queued(queue, an_entry())
        for now in (0, 1, 2):
            claim = await claimed_one(queue, now)
            await queue.retry_later(claim, due_at=at(now + 1), error="busy", answered=True)
        for now in (3, 63):
            claim = await claimed_one(queue, now)
        assert Counts(tries=3, attempts=3, claims=2) == counts_of(claim.entry)
        await queue.dead_letter(claim, now=at(70), reason=DeadLetterReason.EXHAUSTED, error="no")

        assert await queue.retry(key, now=at(200))
        again = await claimed_one(queue, 200)
        assert again.entry.dead_letter is None
        assert Counts(tries=1, claims=1) == counts_of(again.entry)
        assert again.token > claim.token

    @queue_case()
    async def test_a_retried_entry_that_was_claimed_was_tried(
        self, queue: InitializationQueue
    ) -> None:
        """A claim whose result is unknown may have opened the record: it becomes a try."""
        [key] = await queued(queue, an_entry())
        await claimed_one(queue, 0)

        assert await queue.retry(key, now=at(7))

        assert Counts(tries=1) == counts_of(await found(queue, key))

    @queue_case()
    async def test_a_retried_entry_is_due_at_once(self, queue: InitializationQueue) -> None:
        """A waiting entry is due at once, and its claim is void; an unknown key returns False."""
        [key] = await queued(queue, an_entry(due=500))

        assert await queue.retry(key, now=at(7))
        claim = await claimed_one(queue, 7)
        assert Counts(claims=1) == counts_of(claim.entry)
        assert await queue.retry(key, now=at(8))
        assert not await queue.complete(claim)
        assert not await queue.retry(uuid4(), now=at(9))

    @queue_case_of_two()
    async def test_an_old_token_changes_nothing(
        self, queue: InitializationQueue, other: InitializationQueue
    ) -> None:
        """A worker whose token is not the last one can change nothing."""
        [key] = await queued(queue, an_entry())
        old = await claimed_one(queue, 0)
        new = await claimed_one(other, 60)
        before = await found(queue, key)

        assert [False] * 5 == [
            await queue.renew(old, now=at(61), lease=LEASE),
            await queue.retry_later(old, due_at=at(61), error="old"),
            await queue.give_back(old, now=at(61)),
            await queue.dead_letter(old, now=at(61), reason=DeadLetterReason.REJECTED, error="old"),
            await queue.complete(old),
        ]
        assert before == await queue.find(key)
        assert await other.complete(new)

    @queue_case()
    async def test_a_token_is_new_for_a_new_entry(self, queue: InitializationQueue) -> None:
        """An old claim cannot change an entry that was dropped and stored once more."""
        entry = an_entry()
        await queued(queue, entry)
        old = await claimed_one(queue, 0)
        assert await queue.drop(key_of(entry))
        await queued(queue, entry)
        new = await claimed_one(queue, 1)

        assert new.token > old.token
        assert not await queue.complete(old)

    @queue_case()
    async def test_a_mark_is_kept(self, queue: InitializationQueue) -> None:
        """The mark is stored, and survives the end of the claim."""
        [key] = await queued(queue, an_entry())
        claim = await claimed_one(queue, 0)

        assert await queue.note_marked(claim) is True
        assert await queue.give_back(claim, now=at(1))
        assert (await found(queue, key)).marked

    @queue_case_of_two()
    async def test_a_late_mark_voids_the_other_claim(
        self, queue: InitializationQueue, other: InitializationQueue
    ) -> None:
        """A mark by a worker that lost its lease voids the other claim, so the entry is done again.

        Else the other one could finish, and leave the product marked for good.
        """
        await queued(queue, an_entry())
        old = await claimed_one(queue, 0)
        new = await claimed_one(other, 60)

        assert await queue.note_marked(old) is False
        assert not await other.complete(new)
        again = await claimed_one(other, 120)
        assert again.entry.marked
        assert await other.complete(again)

    @queue_case_of_two()
    async def test_a_mark_of_a_removed_entry_is_reported(
        self, queue: InitializationQueue, other: InitializationQueue
    ) -> None:
        """None says that the entry is gone, so that the caller undoes the mark."""
        await queued(queue, an_entry())
        old = await claimed_one(queue, 0)
        assert await other.complete(await claimed_one(other, 60))

        assert await queue.note_marked(old) is None
