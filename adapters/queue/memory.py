"""`InMemoryQueue`: the queue in memory, which ends with its process."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from heapq import nsmallest
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import attrs

from shelfport.adapters.runtime.wake import Wake
from shelfport.domain.model import (
    LONGEST_WAIT,
    Claim,
    DeadLetter,
    DeadLetterReason,
    InitializationPolicy,
    QueuedInitialization,
    QueueStats,
)


@attrs.define
class _Row:
    entry: QueuedInitialization
    token: int = 0


class InMemoryQueue:
    """An `InitializationQueue` in a dict, by the rules of the durable ones.

    Its entries end with the process: for tests, and for a host that can afford to lose them.
    """

    def __init__(self) -> None:
        self._rows: dict[UUID, _Row] = {}
        self._wake = Wake()

    def __repr__(self) -> str:
        return f"InMemoryQueue({len(self._rows)} entries)"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Nothing to close: the entries stay."""

    async def add(self, entry: QueuedInitialization) -> bool:
        """See `InitializationQueue.add`."""
        key = entry.request.idempotency_key
        if key in self._rows:
            return False
        self._rows[key] = _Row(entry)
        self.wake()
        return True

    async def claim(
        self,
        *,
        holder: str,
        limit: int,
        now: datetime,
        lease: float,
        skip: InitializationPolicy | None = None,
    ) -> Sequence[Claim]:
        """See `InitializationQueue.claim`."""
        horizon = now + timedelta(seconds=LONGEST_WAIT)
        due: list[_Row] = []
        for row in self._waiting():
            if row.entry.due_at > horizon:
                row.entry = attrs.evolve(row.entry, due_at=now)
            if row.entry.due_at <= now and row.entry.policy is not skip:
                due.append(row)
        claims: list[Claim] = []
        for row in nsmallest(limit, due, key=lambda row: (row.entry.due_at, row.entry.queued_at)):
            row.token = max(row.token + 1, _micros(now))
            row.entry = attrs.evolve(
                row.entry,
                holder=holder,
                claims=row.entry.claims + 1,
                due_at=now + timedelta(seconds=lease),
            )
            claims.append(Claim(row.entry, row.token))
        return claims

    async def renew(self, claim: Claim, *, now: datetime, lease: float) -> bool:
        """See `InitializationQueue.renew`."""
        return self._change(claim, due_at=now + timedelta(seconds=lease))

    async def note_marked(self, claim: Claim) -> bool | None:
        """See `InitializationQueue.note_marked`."""
        row = self._rows.get(claim.entry.request.idempotency_key)
        if row is None:
            return None
        row.entry = attrs.evolve(row.entry, marked=True)
        if row.token == claim.token:
            return True
        row.token += 1
        return False

    async def complete(self, claim: Claim) -> bool:
        """See `InitializationQueue.complete`."""
        if self._held(claim) is None:
            return False
        del self._rows[claim.entry.request.idempotency_key]
        return True

    async def retry_later(
        self, claim: Claim, *, due_at: datetime, error: str, answered: bool = False
    ) -> bool:
        """See `InitializationQueue.retry_later`."""
        row = self._held(claim)
        if row is None:
            return False
        return self._change(
            claim,
            due_at=due_at,
            holder=None,
            last_error=error,
            tries=row.entry.tries + 1,
            attempts=row.entry.attempts + answered,
            claims=0,
        )

    async def give_back(self, claim: Claim, *, now: datetime) -> bool:
        """See `InitializationQueue.give_back`."""
        row = self._held(claim)
        if row is None:
            return False
        return self._change(claim, due_at=now, holder=None, claims=row.entry.claims - 1)

    async def dead_letter(
        self, claim: Claim, *, now: datetime, reason: DeadLetterReason, error: str
    ) -> bool:
        """See `InitializationQueue.dead_letter`."""
        letter = DeadLetter(at=now, reason=reason)
        return self._change(claim, due_at=now, holder=None, last_error=error, dead_letter=letter)

    async def stats(self) -> QueueStats:
        """See `InitializationQueue.stats`."""
        waiting = [row.entry.queued_at for row in self._waiting()]
        return QueueStats(
            waiting=len(waiting),
            oldest=min(waiting, default=None),
            dead_letters=len(self._rows) - len(waiting),
        )

    async def entries(
        self, *, dead: bool | None = None, limit: int = 100
    ) -> Sequence[QueuedInitialization]:
        """See `InitializationQueue.entries`."""
        found = [
            row.entry
            for row in self._rows.values()
            if dead is None or dead is (row.entry.dead_letter is not None)
        ]
        return sorted(found, key=lambda entry: entry.queued_at)[:limit]

    async def find(self, key: UUID) -> QueuedInitialization | None:
        """See `InitializationQueue.find`."""
        row = self._rows.get(key)
        return None if row is None else row.entry

    async def retry(self, key: UUID, *, now: datetime) -> bool:
        """See `InitializationQueue.retry`."""
        row = self._rows.get(key)
        if row is None:
            return False
        row.token += 1
        row.entry = attrs.evolve(
            row.entry,
            due_at=now,
            holder=None,
            dead_letter=None,
            tries=min(row.entry.tries + row.entry.attempts + row.entry.claims, 1),
            attempts=0,
            claims=0,
        )
        self.wake()
        return True

    async def drop(self, key: UUID) -> bool:
        """See `InitializationQueue.drop`."""
        return self._rows.pop(key, None) is not None

    def wake(self) -> None:
        """See `InitializationQueue.wake`."""
        self._wake.wake()

    async def wait(self, seconds: float) -> None:
        """See `InitializationQueue.wait`."""
        await self._wake.wait(seconds)

    def _waiting(self) -> Iterator[_Row]:
        return (row for row in self._rows.values() if row.entry.dead_letter is None)

    def _held(self, claim: Claim) -> _Row | None:
        row = self._rows.get(claim.entry.request.idempotency_key)
        return row if row is not None and row.token == claim.token else None

    def _change(self, claim: Claim, **changes: Any) -> bool:
        row = self._held(claim)
        if row is None:
            return False
        row.entry = attrs.evolve(row.entry, **changes)
        return True


def _micros(instant: datetime) -> int:
    """A token that no claim had before, even if an entry was dropped and stored once more."""
    return int(instant.timestamp() * 1_000_000)
