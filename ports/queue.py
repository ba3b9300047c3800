"""The port to the queue of initializations: a transactional outbox with leases."""

from collections.abc import Sequence
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self, runtime_checkable
from uuid import UUID

from shelfport.domain.model import (
    Claim,
    DeadLetterReason,
    InitializationPolicy,
    QueuedInitialization,
    QueueStats,
)


@runtime_checkable
class InitializationQueue(Protocol):
    """Keeps each entry until it is done, or until a person drops it.

    Obligations of every implementation:

    - When `add` has returned, the entry is stored: a durable queue has it after a crash of the
      process, and of the machine, too.
    - Many workers, in many processes, use one queue at once. One worker holds an entry at a time,
      as far as clocks agree; if they do not, the token decides.
    - **Fencing.** Each claim of an entry gets a token greater than all before. A change with
      another token than the latest one changes nothing and returns False.
    - **The caller passes the time**, aware and in UTC; no clock of the process or of the database
      decides anything. An entry that is due later than `now` plus `LONGEST_WAIT` counts as due now:
      its date was written by a clock that ran ahead, or that was set back since.
    - A cancelled method has changed either everything or nothing.
    - It is an async context manager: constructing it does no I/O and opens nothing that a fork
      would share; entering opens it and checks the schema, leaving closes it. It can be entered
      again, in another event loop. A storage that is away should not keep entering from
      succeeding, as pages need no queue: each method raises `QueueFailed` then, until the storage
      is back. What only a person can correct is raised.
    - For a failure of a disk, a network or a database it raises `QueueFailed` only (or
      cancellation); the driver's own error is the `__cause__`.
    """

    async def __aenter__(self) -> Self:
        """Open the queue, with the entries that were stored before."""
        ...

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the queue, after pending operations have ended."""
        ...

    async def add(self, entry: QueuedInitialization) -> bool:
        """Store `entry`. Returns False, and changes nothing, if its idempotency key exists already.

        Must end the `wait` of a worker in this process, if it can.
        """
        ...

    async def claim(
        self,
        *,
        holder: str,
        limit: int,
        now: datetime,
        lease: float,
        skip: InitializationPolicy | None = None,
    ) -> Sequence[Claim]:
        """Claim up to `limit` due entries for `holder`, for `lease` seconds.

        Must choose the entries with the earliest `due_at`, and of equal ones those queued first: so
        a postponed entry comes after all that became due before it, and none starves. The result
        is in any order. With `skip`, entries of that policy must stay as they are, and must not
        keep others from being claimed: this worker cannot process them. Each claim must count
        (`claims`), set the entry's `holder`, and set its `due_at` to the end of the lease, after
        which any worker may claim it.

        Must not claim dead letters, nor entries in a format of a later version of this library.
        """
        ...

    async def renew(self, claim: Claim, *, now: datetime, lease: float) -> bool:
        """Extend the lease to `lease` seconds from `now`. Returns False if the claim is void."""
        ...

    async def note_marked(self, claim: Claim) -> bool | None:
        """Note that the catalog marked the product as not orderable.

        Returns True if the claim is valid. If another worker has claimed the entry meanwhile, this
        mark may come after the other's `mark_orderable`: then it must be noted all the same, the
        other claim must become void, the entry is done once more from the start, and the method
        returns False. Returns None if the entry does not exist any more: the caller has to mark the
        product as orderable again.
        """
        ...

    async def complete(self, claim: Claim) -> bool:
        """Remove the entry: the record exists, and the catalog is up to date."""
        ...

    async def retry_later(
        self, claim: Claim, *, due_at: datetime, error: str, answered: bool = False
    ) -> bool:
        """Postpone the entry until `due_at`: the try failed with `error`.

        Must count a try, and an attempt if the service `answered` about this entry; its claims
        become 0, as this one ended in order.
        """
        ...

    async def give_back(self, claim: Claim, *, now: datetime) -> bool:
        """Make the entry due at once, and do not count the claim: no request was sent."""
        ...

    async def dead_letter(
        self, claim: Claim, *, now: datetime, reason: DeadLetterReason, error: str
    ) -> bool:
        """Make the entry a dead letter, which stays until a person retries or drops it."""
        ...

    async def stats(self) -> QueueStats:
        """How many entries wait, since when, and how many dead letters there are."""
        ...

    async def entries(
        self, *, dead: bool | None = None, limit: int = 100
    ) -> Sequence[QueuedInitialization]:
        """Up to `limit` entries, the oldest first: all, only dead letters, or all but these."""
        ...

    async def find(self, key: UUID) -> QueuedInitialization | None:
        """The entry with this idempotency key, if there is one."""
        ...

    async def retry(self, key: UUID, *, now: datetime) -> bool:
        """Reset an entry: due at `now`, not a dead letter, not held by a worker.

        Its attempts and claims become 0; its tries become 1 if there were any of the three, so that
        the next one reads before it writes. A worker's claim of it becomes void. Returns False if
        there is no such entry.
        """
        ...

    async def drop(self, key: UUID) -> bool:
        """Remove an entry, dead letter or not; a claim of it becomes void. False: no such entry."""
        ...

    def wake(self) -> None:
        """End the `wait` of a worker in this process, as an entry may be due. Never raises."""
        ...

    async def wait(self, seconds: float) -> None:
        """Wait until an entry may be due: for the next `wake` or a similar hint, or for `seconds`.

        A `wake` since the last `wait` returned must end this one at once.
        """
        ...
