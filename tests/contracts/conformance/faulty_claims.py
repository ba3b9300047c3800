"""Queues that claim, or change what is claimed, wrongly, one fault each."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from shelfport.domain.model import LONGEST_WAIT, Claim, DeadLetterReason, InitializationPolicy
from tests.contracts.conformance.faulty_queues import HonestQueue


class CountsNoClaim(HonestQueue):
    async def claim(
        self,
        *,
        holder: str,
        limit: int,
        now: datetime,
        lease: float,
        skip: InitializationPolicy | None = None,
    ) -> Sequence[Claim]:
        claims = await super().claim(holder=holder, limit=limit, now=now, lease=lease, skip=skip)
        for claim in claims:
            key, count = claim.entry.request.idempotency_key, claim.entry.claims
            self.change(key, claims=count - 1)
        return [Claim(self._rows[c.entry.request.idempotency_key].entry, c.token) for c in claims]


class ClaimsWhatIsToBeSkipped(HonestQueue):
    async def claim(
        self,
        *,
        holder: str,
        limit: int,
        now: datetime,
        lease: float,
        skip: InitializationPolicy | None = None,
    ) -> Sequence[Claim]:
        return await super().claim(holder=holder, limit=limit, now=now, lease=lease)


class IgnoresLeases(HonestQueue):
    async def claim(
        self,
        *,
        holder: str,
        limit: int,
        now: datetime,
        lease: float,
        skip: InitializationPolicy | None = None,
    ) -> Sequence[Claim]:
        return await super().claim(holder=holder, limit=limit, now=now, lease=-1, skip=skip)


class ReusesTheToken(HonestQueue):
    """Every claim has the same token."""

    async def claim(
        self,
        *,
        holder: str,
        limit: int,
        now: datetime,
        lease: float,
        skip: InitializationPolicy | None = None,
    ) -> Sequence[Claim]:
        claims = await super().claim(holder=holder, limit=limit, now=now, lease=lease, skip=skip)
        for claim in claims:
            self._rows[claim.entry.request.idempotency_key].token = 1
        return [Claim(claim.entry, 1) for claim in claims]


class CountsTokensFromOne(HonestQueue):
    """A new entry under an old key begins with an old token."""

    async def claim(
        self,
        *,
        holder: str,
        limit: int,
        now: datetime,
        lease: float,
        skip: InitializationPolicy | None = None,
    ) -> Sequence[Claim]:
        before = {key: row.token for key, row in self._rows.items()}
        claims = await super().claim(holder=holder, limit=limit, now=now, lease=lease, skip=skip)
        for claim in claims:
            row = self._rows[claim.entry.request.idempotency_key]
            row.token = before[claim.entry.request.idempotency_key] + 1
        return [Claim(c.entry, self._rows[c.entry.request.idempotency_key].token) for c in claims]


class ClaimsByAge(HonestQueue):
    """Goes by `queued_at`, so that a failing entry comes first again and again."""

    async def claim(
        self,
        *,
        holder: str,
        limit: int,
        now: datetime,
        lease: float,
        skip: InitializationPolicy | None = None,
    ) -> Sequence[Claim]:
        claims: list[Claim] = []
        for entry in await self.entries(dead=False):
            if len(claims) < limit and entry.due_at <= now:
                others = {k: r for k, r in self._rows.items() if r.entry is not entry}
                own = {k: r for k, r in self._rows.items() if r.entry is entry}
                self._rows = own
                claims += await super().claim(
                    holder=holder, limit=1, now=now, lease=lease, skip=skip
                )
                self._rows = {**own, **others}
        return claims


class ClaimsTheNewestFirst(HonestQueue):
    async def claim(
        self,
        *,
        holder: str,
        limit: int,
        now: datetime,
        lease: float,
        skip: InitializationPolicy | None = None,
    ) -> Sequence[Claim]:
        rows, claims = dict(self._rows), list[Claim]()
        for key in sorted(rows, key=lambda key: rows[key].entry.due_at, reverse=True):
            if len(claims) < limit:
                self._rows = {key: rows[key]}
                claims += await super().claim(
                    holder=holder, limit=1, now=now, lease=lease, skip=skip
                )
        self._rows = rows
        return claims


class ClaimsBeforeItIsDue(HonestQueue):
    async def claim(
        self,
        *,
        holder: str,
        limit: int,
        now: datetime,
        lease: float,
        skip: InitializationPolicy | None = None,
    ) -> Sequence[Claim]:
        early = now + timedelta(seconds=1)
        return await super().claim(
            holder=holder, limit=limit, now=early, lease=lease - 1, skip=skip
        )


class IgnoresTheLimit(HonestQueue):
    async def claim(
        self,
        *,
        holder: str,
        limit: int,
        now: datetime,
        lease: float,
        skip: InitializationPolicy | None = None,
    ) -> Sequence[Claim]:
        return await super().claim(holder=holder, limit=100, now=now, lease=lease, skip=skip)


class RenewsNothing(HonestQueue):
    async def renew(self, claim: Claim, *, now: datetime, lease: float) -> bool:
        return await super().renew(claim, now=now, lease=0)


class BelievesEveryDate(HonestQueue):
    async def claim(
        self,
        *,
        holder: str,
        limit: int,
        now: datetime,
        lease: float,
        skip: InitializationPolicy | None = None,
    ) -> Sequence[Claim]:
        far = now + timedelta(seconds=LONGEST_WAIT)
        rows = dict(self._rows)
        self._rows = {key: row for key, row in rows.items() if row.entry.due_at <= far}
        claims = await super().claim(holder=holder, limit=limit, now=now, lease=lease, skip=skip)
        self._rows = rows
        return claims


class BelievesNoDateAfterAMinute(HonestQueue):
    async def claim(
        self,
        *,
        holder: str,
        limit: int,
        now: datetime,
        lease: float,
        skip: InitializationPolicy | None = None,
    ) -> Sequence[Claim]:
        for key, row in self._rows.items():
            if row.entry.holder is None and row.entry.due_at > now + timedelta(seconds=60):
                self.change(key, due_at=now)
        return await super().claim(holder=holder, limit=limit, now=now, lease=lease, skip=skip)


class ClaimsInTwoSteps(HonestQueue):
    """Reads what is due, and takes it a moment later: two workers take the same."""

    async def claim(
        self,
        *,
        holder: str,
        limit: int,
        now: datetime,
        lease: float,
        skip: InitializationPolicy | None = None,
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
        self,
        *,
        holder: str,
        limit: int,
        now: datetime,
        lease: float,
        skip: InitializationPolicy | None = None,
    ) -> Sequence[Claim]:
        claims: list[Claim] = []
        for _ in range(limit):
            claims += await super().claim(holder=holder, limit=1, now=now, lease=lease, skip=skip)
            await asyncio.sleep(0)
        return claims


class KeepsWhatIsDone(HonestQueue):
    async def complete(self, claim: Claim) -> bool:
        return await super().renew(claim, now=claim.entry.due_at, lease=1e6)


class PostponesWrongly(HonestQueue):
    """The base of queues that change an entry once more after it was postponed."""

    def wrong(self, claim: Claim) -> dict[str, object]:
        raise NotImplementedError  # the subclasses'

    async def retry_later(
        self, claim: Claim, *, due_at: datetime, error: str, answered: bool = False
    ) -> bool:
        done = await super().retry_later(claim, due_at=due_at, error=error, answered=answered)
        if done:
            self.change(claim.entry.request.idempotency_key, **self.wrong(claim))
        return done


class PostponesUnderItsHolder(PostponesWrongly):
    def wrong(self, claim: Claim) -> dict[str, object]:
        return {"holder": claim.entry.holder}


class CountsEveryTryAsAnAttempt(PostponesWrongly):
    """An outage costs attempts."""

    def wrong(self, claim: Claim) -> dict[str, object]:
        return {"attempts": claim.entry.tries + 1}


class KeepsTheClaims(PostponesWrongly):
    """Uncounts its own claim only: a worker that ended days ago still counts."""

    def wrong(self, claim: Claim) -> dict[str, object]:
        return {"claims": claim.entry.claims - 1}


class RefusesSomeErrors(HonestQueue):
    async def retry_later(
        self, claim: Claim, *, due_at: datetime, error: str, answered: bool = False
    ) -> bool:
        error.encode()  # a lone surrogate has no bytes
        return await super().retry_later(claim, due_at=due_at, error=error, answered=answered)


class CountsWhatIsGivenBack(HonestQueue):
    async def give_back(self, claim: Claim, *, now: datetime) -> bool:
        done = await super().give_back(claim, now=now)
        if done:
            self.change(claim.entry.request.idempotency_key, claims=claim.entry.claims)
        return done


class ForgetsTheClaimsBefore(HonestQueue):
    """A claim that is given back resets those that ended with their process."""

    async def give_back(self, claim: Claim, *, now: datetime) -> bool:
        done = await super().give_back(claim, now=now)
        if done:
            self.change(claim.entry.request.idempotency_key, claims=0)
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
    """The next try of a dead letter does not read before it writes."""

    async def retry(self, key: UUID, *, now: datetime) -> bool:
        entry = await self.find(key)
        done = await super().retry(key, now=now)
        if entry is not None and entry.dead_letter is not None:
            self.change(key, tries=0)
        return done


class ForgetsAClaimAtARetry(HonestQueue):
    """A retry goes by the tries alone; a claim whose worker crashed may have opened the record."""

    async def retry(self, key: UUID, *, now: datetime) -> bool:
        entry = await self.find(key)
        done = await super().retry(key, now=now)
        if entry is not None:
            self.change(key, tries=min(entry.tries, 1))
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
