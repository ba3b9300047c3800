"""What the cases of a queue share: entries, instants and claims."""

# ruff: noqa: S101 - a suite asserts
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import attrs

from shelfport.contracts.conformance.port_suite import Needs, Test, always, port_case
from shelfport.contracts.conformance.queue.harness import QueueHarness
from shelfport.contracts.conformance.running import Done, named_after
from shelfport.domain.model import (
    Claim,
    InitialStock,
    ProductVariantId,
    QueuedInitialization,
    variant_id,
)
from shelfport.ports import InitializationQueue

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""The instant 0 of a case: the caller passes the time, so no case waits."""
LEASE = 60.0


@attrs.frozen(kw_only=True)
class Counts:
    """What an entry counts."""

    tries: int = 0
    attempts: int = 0
    claims: int = 0


OnQueue = Callable[[Any, InitializationQueue], Done]
OnTwo = Callable[[Any, InitializationQueue, InitializationQueue], Done]


def queue_case(needs: Needs = always) -> Callable[[OnQueue], Test]:
    """A case with an open client of an empty queue."""

    def decorate(body: OnQueue) -> Test:
        async def on_harness(self: Any, harness: QueueHarness) -> None:
            async with harness.queue() as queue:
                await body(self, queue)

        return port_case(needs)(named_after(body, on_harness))

    return decorate


def queue_case_of_two(needs: Needs = always) -> Callable[[OnTwo], Test]:
    """A case with two open clients of one empty queue."""

    def decorate(body: OnTwo) -> Test:
        async def on_harness(self: Any, harness: QueueHarness) -> None:
            async with harness.queue() as queue, harness.queue() as other:
                await body(self, queue, other)

        return port_case(needs)(named_after(body, on_harness))

    return decorate


def at(seconds: float) -> datetime:
    """The instant `seconds` after the start of the case."""
    return EPOCH + timedelta(seconds=seconds)


def key_of(entry: QueuedInitialization) -> UUID:
    """The identity of an entry."""
    return entry.request.idempotency_key


def counts_of(entry: QueuedInitialization) -> Counts:
    """What `entry` counts."""
    return Counts(tries=entry.tries, attempts=entry.attempts, claims=entry.claims)


def an_entry(
    queued: float = 0.0, *, due: float | None = None, variant: ProductVariantId | None = None
) -> QueuedInitialization:
    """An entry under a new key; for a new variant, unless one is given."""
    return QueuedInitialization(
        request=InitialStock(
            variant_id=variant or variant_id(uuid4()), initial_quantity=0, idempotency_key=uuid4()
        ),
        queued_at=at(queued),
        due_at=at(queued if due is None else due),
    )


async def claimed(
    queue: InitializationQueue,
    now: float = 0.0,
    *,
    limit: int = 1,
    lease: float = LEASE,
    holder: str = "w",
) -> list[Claim]:
    """The claims of one worker, the entries queued first at the front."""
    claims = await queue.claim(holder=holder, limit=limit, now=at(now), lease=lease)
    return sorted(claims, key=lambda claim: claim.entry.queued_at)


async def claimed_one(
    queue: InitializationQueue, now: float = 0.0, *, lease: float = LEASE, holder: str = "w"
) -> Claim:
    """The claim of the one entry that is due; fails if none or several are claimed."""
    claims = await claimed(queue, now, lease=lease, holder=holder)
    assert len(claims) == 1, f"one entry is due, and claim(limit=1) returned {claims}"
    return claims[0]


async def queued(queue: InitializationQueue, *entries: QueuedInitialization) -> list[UUID]:
    """The keys of the entries, which are stored now."""
    for entry in entries:
        assert await queue.add(entry), "add returned False for a new key"
    return [key_of(entry) for entry in entries]


async def found(queue: InitializationQueue, key: UUID) -> QueuedInitialization:
    """The stored entry; fails if there is none."""
    entry = await queue.find(key)
    assert entry is not None, "the entry is not there any more"
    return entry


def keys(claims: list[Claim]) -> list[UUID]:
    """The identities of claimed entries."""
    return [key_of(claim.entry) for claim in claims]
