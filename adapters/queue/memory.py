"""`InMemoryQueue`: the queue of a process that may forget."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
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
    QueuedInitialization,
    QueueStats,
)


@attrs.define
class _Kept:
    entry: QueuedInitialization
    token: int = 0


class InMemoryQueue:
    """An `InitializationQueue` in a dict, by the rules of the durable ones.

    It outlives nothing: for tests, and for a host that can afford to lose what waits.
    """

    def __init__(self) -> None:
        self._kept: dict[UUID, _Kept] = {}
        self._wake = Wake()

    def __repr__(self) -> str:
        return f"InMemoryQueue({len(self._kept)} entries)"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Nothing to close: what is kept stays."""

    async def add(self, entry: QueuedInitialization) -> bool:
        """See `InitializationQueue.add`."""
        key = entry.request.idempotency_key
        if key in self._kept:
            return False
        self._kept[key] = _Kept(entry)
        self.wake()
        return True

    async def claim(
        self, *, holder: str, limit: int, now: datetime, lease: float
    ) -> Sequence[Claim]:
        """See `InitializationQueue.claim`."""
        horizon = now + timedelta(seconds=LONGEST_WAIT)
        for kept in self._alive():
            if kept.entry.due_at > horizon:
                kept.entry = attrs.evolve(kept.entry, due_at=now)
        due = [kept for kept in self._alive() if kept.entry.due_at <= now]
        due.sort(key=lambda kept: (kept.entry.due_at, kept.entry.queued_at))
        claims: list[Claim] = []
        for kept in due[:limit]:
            kept.token = max(kept.token + 1, _micros(now))
            kept.entry = attrs.evolve(
                kept.entry,
                holder=holder,
                attempts=kept.entry.attempts + 1,
                due_at=now + timedelta(seconds=lease),
            )
            claims.append(Claim(kept.entry, kept.token))
        return claims

    async def renew(self, claim: Claim, *, now: datetime, lease: float) -> bool:
        """See `InitializationQueue.renew`."""
        return self._change(claim, due_at=now + timedelta(seconds=lease))

    async def note_marked(self, claim: Claim) -> bool | None:
        """See `InitializationQueue.note_marked`."""
        kept = self._kept.get(claim.entry.request.idempotency_key)
        if kept is None:
            return None
        kept.entry = attrs.evolve(kept.entry, marked=True)
        if kept.token == claim.token:
            return True
        kept.token += 1
        return False

    async def complete(self, claim: Claim) -> bool:
        """See `InitializationQueue.complete`."""
        if self._held(claim) is None:
            return False
        del self._kept[claim.entry.request.idempotency_key]
        return True

    async def retry_later(self, claim: Claim, *, due_at: datetime, error: str) -> bool:
        """See `InitializationQueue.retry_later`."""
        return self._change(claim, due_at=due_at, holder=None, last_error=error)

    async def give_back(self, claim: Claim, *, now: datetime) -> bool:
        """See `InitializationQueue.give_back`."""
        kept = self._held(claim)
        if kept is None:
            return False
        return self._change(claim, due_at=now, holder=None, attempts=kept.entry.attempts - 1)

    async def bury(
        self, claim: Claim, *, now: datetime, reason: DeadLetterReason, error: str
    ) -> bool:
        """See `InitializationQueue.bury`."""
        death = DeadLetter(at=now, reason=reason)
        return self._change(claim, due_at=now, holder=None, last_error=error, death=death)

    async def stats(self) -> QueueStats:
        """See `InitializationQueue.stats`."""
        waiting = [kept.entry.queued_at for kept in self._alive()]
        return QueueStats(
            waiting=len(waiting),
            oldest=min(waiting, default=None),
            dead_letters=len(self._kept) - len(waiting),
        )

    async def entries(
        self, *, dead: bool | None = None, limit: int = 100
    ) -> Sequence[QueuedInitialization]:
        """See `InitializationQueue.entries`."""
        found = [
            kept.entry
            for kept in self._kept.values()
            if dead is None or dead is (kept.entry.death is not None)
        ]
        return sorted(found, key=lambda entry: entry.queued_at)[:limit]

    async def find(self, key: UUID) -> QueuedInitialization | None:
        """See `InitializationQueue.find`."""
        kept = self._kept.get(key)
        return None if kept is None else kept.entry

    async def retry(self, key: UUID, *, now: datetime) -> bool:
        """See `InitializationQueue.retry`."""
        kept = self._kept.get(key)
        if kept is None:
            return False
        kept.token += 1
        kept.entry = attrs.evolve(
            kept.entry,
            due_at=now,
            holder=None,
            death=None,
            attempts=min(kept.entry.attempts, 1),
        )
        self.wake()
        return True

    async def drop(self, key: UUID) -> bool:
        """See `InitializationQueue.drop`."""
        return self._kept.pop(key, None) is not None

    def wake(self) -> None:
        """See `InitializationQueue.wake`."""
        self._wake.wake()

    async def wait(self, seconds: float) -> None:
        """See `InitializationQueue.wait`."""
        await self._wake.wait(seconds)

    def _alive(self) -> Iterator[_Kept]:
        return (kept for kept in self._kept.values() if kept.entry.death is None)

    def _held(self, claim: Claim) -> _Kept | None:
        kept = self._kept.get(claim.entry.request.idempotency_key)
        return kept if kept is not None and kept.token == claim.token else None

    def _change(self, claim: Claim, **changes: Any) -> bool:
        kept = self._held(claim)
        if kept is None:
            return False
        kept.entry = attrs.evolve(kept.entry, **changes)
        return True


def _micros(instant: datetime) -> int:
    """A token no claim had before, even where an entry was dropped and stored once more."""
    return int(instant.timestamp() * 1_000_000)
