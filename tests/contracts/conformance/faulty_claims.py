"""Queues that claim, or change what is claimed, wrongly, one fault each."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from shelfport.domain.model import LONGEST_WAIT, Claim, DeadLetterReason
from tests.contracts.conformance.faulty_queues import HonestQueue


class CountsNoAttempt(HonestQueue):
    async def claim(
        self, *, holder: str, limit: int, now: datetime, lease: float
    ) -> Sequence[Claim]:
        claims = await super().claim(holder=holder, limit=limit, now=now, lease=lease)
        for claim in claims:
            key, attempts = claim.entry.request.idempotency_key, claim.entry.attempts
            self.change(key, attempts=attempts - 1)
        return [Claim(self._rows[c.entry.request.idempotency_key].entry, c.token) for c in claims]


class IgnoresLeases(HonestQueue):
    async def claim(
        self, *, holder: str, limit: int, now: datetime, lease: float
    ) -> Sequence[Claim]:
        return await super().claim(holder=holder, limit=limit, now=now, lease=-1)


class ReusesTheToken(HonestQueue):
    """Every claim has the same token."""

    async def claim(
        self, *, holder: str, limit: int, now: datetime, lease: float
    ) -> Sequence[Claim]:
        claims = await super().claim(holder=holder, limit=limit, now=now, lease=lease)
        for claim in claims:
            self._rows[claim.entry.request.idempotency_key].token = 1
        return [Claim(claim.entry, 1) for claim in claims]


class CountsTokensFromOne(HonestQueue):
    """A new entry under an old key begins with an old token."""

    async def claim(
        self, *, holder: str, limit: int, now: datetime, lease: float
    ) -> Sequence[Claim]:
        before = {key: row.token for key, row in self._rows.items()}
        claims = await super().claim(holder=holder, limit=limit, now=now, lease=lease)
        for claim in claims:
            row = self._rows[claim.entry.request.idempotency_key]
            row.token = before[claim.entry.request.idempotency_key] + 1
        return [Claim(c.entry, self._rows[c.entry.request.idempotency_key].token) for c in claims]


class ClaimsByAge(HonestQueue):
    """Goes by `queued_at`, so that a failing entry comes first again and again."""

    async def claim(
        self, *, holder: str, limit: int, now: datetime, lease: float
    ) -> Sequence[Claim]:
        claims: list[Claim] = []
        for entry in await self.entries(dead=False):
            if len(claims) < limit and entry.due_at <= now:
                others = {k: r for k, r in self._rows.items() if r.entry is not entry}
                own = {k: r for k, r in self._rows.items() if r.entry is entry}
                self._rows = own
                claims += await super().claim(holder=holder, limit=1, now=now, lease=lease)
                self._rows = {**own, **others}
        return claims


class ClaimsTheNewestFirst(HonestQueue):
    async def claim(
        self, *, holder: str, limit: int, now: datetime, lease: float
    ) -> Sequence[Claim]:
        rows, claims = dict(self._rows), list[Claim]()
        for key in sorted(rows, key=lambda key: rows[key].entry.due_at, reverse=True):
            if len(claims) < limit:
                self._rows = {key: rows[key]}
                claims += await super().claim(holder=holder, limit=1, now=now, lease=lease)
        self._rows = rows
        return claims


class ClaimsBeforeItIsDue(HonestQueue):
    async def claim(
        self, *, holder: str, limit: int, now: datetime, lease: float
    ) -> Sequence[Claim]:
        early = now + timedelta(seconds=1)
        return await super().claim(holder=holder, limit=limit, now=early, lease=lease - 1)


class IgnoresTheLimit(HonestQueue):
    async def claim(
        self, *, holder: str, limit: int, now: datetime, lease: float
    ) -> Sequence[Claim]:
        return await super().claim(holder=holder, limit=100, now=now, lease=lease)


class RenewsNothing(HonestQueue):
    async def renew(self, claim: Claim, *, now: datetime, lease: float) -> bool:
        return await super().renew(claim, now=now, lease=0)


class BelievesEveryDate(HonestQueue):
    async def claim(
        self, *, holder: str, limit: int, now: datetime, lease: float
    ) -> Sequence[Claim]:
        far = now + timedelta(seconds=LONGEST_WAIT)
        rows = dict(self._rows)
        self._rows = {key: row for key, row in rows.items() if row.entry.due_at <= far}
        claims = await super().claim(holder=holder, limit=limit, now=now, lease=lease)
        self._rows = rows
        return claims


class BelievesNoDateAfterAMinute(HonestQueue):
    async def claim(
        self, *, holder: str, limit: int, now: datetime, lease: float
    ) -> Sequence[Claim]:
        for key, row in self._rows.items():
            if row.entry.holder is None and row.entry.due_at > now + timedelta(seconds=60):
                self.change(key, due_at=now)
        return await super().claim(holder=holder, limit=limit, now=now, lease=lease)


class ClaimsInTwoSteps(HonestQueue):
    """Reads what is due, and takes it a moment later: two workers take the same."""

    async def claim(
        self, *, holder: str, limit: int, now: datetime, lease: float
    ) -> Sequence[Claim]:
        due = [e for e in await self.entries(dead=False) if e.due_at <= now][:limit]
        await asyncio.sleep(0)
        claims = []
        for entry in due:
            key = entry.request.idempotency_key
            self.change(key, holder=holder, due_at=now + timedelta(seconds=lease))
            claims.append(Claim(self._rows[key].entry, 1))
        return claims


class ClaimsOneByOne(HonestQueue):
    """A cancellation in the middle leaves some entries claimed and lost."""

    async def claim(
        self, *, holder: str, limit: int, now: datetime, lease: float
    ) -> Sequence[Claim]:
        claims: list[Claim] = []
        for _ in range(limit):
            claims += await super().claim(holder=holder, limit=1, now=now, lease=lease)
            await asyncio.sleep(0)
        return claims


class KeepsWhatIsDone(HonestQueue):
    async def complete(self, claim: Claim) -> bool:
        return await super().renew(claim, now=claim.entry.due_at, lease=1e6)


class PostponesUnderItsHolder(HonestQueue):
    async def retry_later(self, claim: Claim, *, due_at: datetime, error: str) -> bool:
        done = await super().retry_later(claim, due_at=due_at, error=error)
        if done:
            self.change(claim.entry.request.idempotency_key, holder=claim.entry.holder)
        return done


class RefusesSomeErrors(HonestQueue):
    async def retry_later(self, claim: Claim, *, due_at: datetime, error: str) -> bool:
        error.encode()  # a lone surrogate has no bytes
        return await super().retry_later(claim, due_at=due_at, error=error)


class CountsWhatIsGivenBack(HonestQueue):
    async def give_back(self, claim: Claim, *, now: datetime) -> bool:
        done = await super().give_back(claim, now=now)
        if done:
            self.change(claim.entry.request.idempotency_key, attempts=claim.entry.attempts)
        return done


class ForgetsTheReason(HonestQueue):
    async def dead_letter(
        self, claim: Claim, *, now: datetime, reason: DeadLetterReason, error: str
    ) -> bool:
        return await super().dead_letter(
            claim, now=now, reason=DeadLetterReason.REJECTED, error=error
        )


class ClaimsDeadLetters(HonestQueue):
    async def dead_letter(
        self, claim: Claim, *, now: datetime, reason: DeadLetterReason, error: str
    ) -> bool:
        return await super().retry_later(claim, due_at=now, error=error)


class RetriesWithoutTheHistory(HonestQueue):
    """The next attempt of a dead letter does not read before it writes."""

    async def retry(self, key: UUID, *, now: datetime) -> bool:
        done = await super().retry(key, now=now)
        if done:
            self.change(key, attempts=0)
        return done


class RetriesUnderAnotherWorker(HonestQueue):
    """A retry leaves the worker's claim valid."""

    async def retry(self, key: UUID, *, now: datetime) -> bool:
        token = self._rows[key].token if key in self._rows else 0
        done = await super().retry(key, now=now)
        if done:
            self._rows[key].token = token
        return done


class RenewsAnyToken(HonestQueue):
    async def renew(self, claim: Claim, *, now: datetime, lease: float) -> bool:
        self.change(claim.entry.request.idempotency_key, due_at=now + timedelta(seconds=lease))
        return True


class ForgetsTheMark(HonestQueue):
    async def give_back(self, claim: Claim, *, now: datetime) -> bool:
        done = await super().give_back(claim, now=now)
        if done:
            self.change(claim.entry.request.idempotency_key, marked=False)
        return done


class IgnoresALateMark(HonestQueue):
    async def note_marked(self, claim: Claim) -> bool | None:
        row = self._rows.get(claim.entry.request.idempotency_key)
        if row is not None and row.token != claim.token:
            return False
        return await super().note_marked(claim)


class ReportsNoRemovedEntry(HonestQueue):
    async def note_marked(self, claim: Claim) -> bool | None:
        return bool(await super().note_marked(claim))
