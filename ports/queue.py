"""The port to the queue of initialisations: a transactional outbox with leases."""

from collections.abc import Sequence
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self, runtime_checkable
from uuid import UUID

from shelfport.domain.model import Claim, DeadLetterReason, QueuedInitialization, QueueStats


@runtime_checkable
class InitializationQueue(Protocol):
    """Keeps each entry until it is done, or until a person drops it.

    Obligations of every implementation:

    - What `add` returned from is kept: a durable queue has it after a crash of the process, and of
      the machine, too.
    - Many workers, in many processes, use one queue at once. An entry is in one worker's hands at
      a time, as far as clocks agree; where they do not, the token decides.
    - **Fencing.** Each claim of an entry gets a token greater than all before. A change under
      another token than the last one given out changes nothing and returns False.
    - **Time is passed in**, aware and in UTC, by whoever calls; no clock of the process or of the
      database decides anything. An entry that is due later than `now` plus `LONGEST_WAIT` counts
      as due now: its date was written by a clock that has been set back since.
    - A method that was cancelled has either changed all that it changes, or nothing.
    - It is an async context manager: constructing it does no I/O and leaves nothing that a fork
      would share; entering opens it and checks the schema, leaving closes it.
    - No exception but `QueueFailed` (and cancellation) leaves it for anything that a disk, a
      network or a database does; the driver's own error is its `__cause__`.
    """

    async def __aenter__(self) -> Self:
        """Open it: what was queued before is there."""
        ...

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it, when what was begun has ended."""
        ...

    async def add(self, entry: QueuedInitialization) -> bool:
        """Store `entry`. An entry under the same idempotency key is left alone: returns False.

        Must wake who waits in `wait` in this process, if it can.
        """
        ...

    async def claim(
        self, *, holder: str, limit: int, now: datetime, lease: float
    ) -> Sequence[Claim]:
        """Put up to `limit` entries that are due into the hands of `holder` for `lease` seconds.

        It takes those due longest, of those due at the same time the one queued first: an entry
        that was put off stands behind all that became due meanwhile, so that none is passed over
        for ever. They come in any order. Each claim must count an attempt, set the entry's
        `holder`, and its `due_at` to the lease's end: when that has passed, anybody may claim it.

        Must not claim dead entries, nor those written by a later edition of this library in a
        shape that this one does not know.
        """
        ...

    async def renew(self, claim: Claim, *, now: datetime, lease: float) -> bool:
        """Hold the entry for `lease` seconds from `now`. False: it is not held any more."""
        ...

    async def note_marked(self, claim: Claim) -> bool | None:
        """Note that the catalogue was told: not orderable. True: noted, and the claim is good.

        If somebody else has claimed the entry meanwhile, the mark may undo what the other told
        the catalogue. So it must be noted all the same, and the other's claim must be void from
        now on, as if the entry had been claimed again: it will be done once more, from the start.
        That returns False. If there is no such entry any more, returns None: the caller itself
        has to make the product orderable again.
        """
        ...

    async def complete(self, claim: Claim) -> bool:
        """The record is there, and the catalogue knows: forget the entry."""
        ...

    async def retry_later(self, claim: Claim, *, due_at: datetime, error: str) -> bool:
        """The attempt failed with `error`; put the entry off until `due_at`."""
        ...

    async def give_back(self, claim: Claim, *, now: datetime) -> bool:
        """No attempt was made: the entry is due at once, and the attempt is not counted."""
        ...

    async def bury(
        self, claim: Claim, *, now: datetime, reason: DeadLetterReason, error: str
    ) -> bool:
        """The entry becomes a dead letter: it stays until a person retries or drops it."""
        ...

    async def stats(self) -> QueueStats:
        """How many entries wait, since when, and how many are dead."""
        ...

    async def entries(
        self, *, dead: bool | None = None, limit: int = 100
    ) -> Sequence[QueuedInitialization]:
        """Up to `limit` entries, those queued first first; all, only dead ones, or no dead ones."""
        ...

    async def find(self, key: UUID) -> QueuedInitialization | None:
        """The entry under this idempotency key."""
        ...

    async def retry(self, key: UUID, *, now: datetime) -> bool:
        """Make an entry due at once, a dead one alive again, and its attempts counted anew.

        One attempt stays counted if there were any, so that the next one reads before it writes.
        False: no such entry.
        An entry in a worker's hands is taken from them: their claim is void.
        """
        ...

    async def drop(self, key: UUID) -> bool:
        """Forget an entry, dead or not; a claim of it is void. False: no such entry."""
        ...

    def wake(self) -> None:
        """Something may be due: who waits in this process looks at once. Never fails."""
        ...

    async def wait(self, seconds: float) -> None:
        """Return when something may be due: at the next `wake`, or a like hint, or the time's end.

        A wake that came since the last `wait` returned must not be missed.
        """
        ...
