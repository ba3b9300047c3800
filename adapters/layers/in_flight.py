"""`InFlightRead`: one read for any number of callers, and the share of each of them in it."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

import attrs

from shelfport.domain.model import Answer, Call, InventoryError, ProductVariantId, Unreadable

ReadOutcome = Mapping[ProductVariantId, Answer] | InventoryError
"""What a read brings: answers for all of its ids, or the reason why there are none."""

Ids = dict[ProductVariantId, None]
"""A set that keeps the order in which callers asked."""

_MAX_WAITERS_NAMED = 20
_NOT_YET: ReadOutcome = {}
"""In the place of an outcome that is not there yet."""


@attrs.define(eq=False)
class Waiter:
    """A caller who waits until each of its shares is over."""

    call: Call
    is_export: bool
    """Whether it asks for more than one request takes."""
    woken: "asyncio.Future[None]"
    """Done when all shares are over, and cancelled if the caller has left."""
    shares: "list[Share]" = attrs.field(factory=list)
    _open_shares: int = 0

    def add(self, share: "Share") -> None:
        """Wait for `share` as well."""
        self.shares.append(share)
        self._open_shares += 1

    def share_over(self) -> None:
        """Count a share that is over."""
        self._open_shares -= 1
        if not self._open_shares and not self.woken.done():  # else the caller has left
            self.woken.set_result(None)


@attrs.define(eq=False)
class Share:
    """What one caller waits for of one read, and of the read of its own that may follow it."""

    waiter: Waiter
    read: "InFlightRead"
    ids: Ids
    was_pending: bool
    """Whether the read was pending when the caller joined it, so that it goes by its call, too."""
    asked_again: bool = False
    """Whether `ids` were asked again, in a read of their own."""
    is_over: bool = False
    _open_reads: int = 1
    _outcome: ReadOutcome | BaseException = _NOT_YET

    @property
    def waits_for_others(self) -> bool:
        """Whether its read has ids of other callers, too, for which it must wait."""
        return len(self.ids) < len(self.read.ids)

    @property
    def may_be_asked_again(self) -> bool:
        """Whether its caller still waits for ids of others, and has not asked again yet."""
        left = self.waiter.woken.done()
        return not left and not self.asked_again and self.waits_for_others

    def ask_again(self, own: "InFlightRead") -> None:
        """Wait for `own`, a read of the same ids, beside the first read."""
        own.shares.append(self)
        self.asked_again = True
        self._open_reads += 1

    def spread(self, read_of: "Mapping[ProductVariantId, InFlightRead]") -> None:
        """Follow the ids to the reads among which they were divided, with a share in each."""
        read = read_of[next(iter(self.ids))]
        parts = {read: self.ids}
        if not self.ids.keys() <= read.ids.keys():
            parts = {read: {}}
            for variant in self.ids:
                read = read_of[variant]
                if read in parts:
                    parts[read][variant] = None
                else:
                    parts[read] = {variant: None}
        (self.read, self.ids), *others = parts.items()
        self.read.shares.append(self)
        for read, ids in others:
            read.add(self.waiter, ids, was_pending=True)

    def take(self, outcome: ReadOutcome | BaseException) -> None:
        """Take the outcome of a read: the first answer of each id counts.

        The share is over when all of its ids are answered, or no read is left to wait for.
        """
        if self.is_over:
            return
        self._open_reads -= 1
        if self._outcome is not _NOT_YET:
            outcome = _first_answers(self._outcome, outcome, self.ids)
        self._outcome = outcome
        if not self._open_reads or _are_answered(outcome, self.ids):
            self.is_over = True
            self.waiter.share_over()

    def outcome(self) -> ReadOutcome:
        """The outcome of a share that is over; it may hold more answers than `ids`.

        Raises:
            BaseException: the exception that ended the read, if it is no `InventoryError`: a bug.
        """
        outcome = self._outcome
        if isinstance(outcome, BaseException) and not isinstance(outcome, InventoryError):
            raise outcome
        return outcome


@attrs.define(eq=False)
class InFlightRead:
    """One read for any number of callers: pending at first, then in flight, then completed."""

    began: float
    """On the monotonic clock: its answers were true then or later."""
    ids: Ids = attrs.field(factory=dict)
    shares: list[Share] = attrs.field(factory=list)
    """Of all callers who joined it, the ones who have left included."""
    deadline: float | None = None
    """The latest deadline of the callers that joined while it was pending."""
    is_completed: bool = False
    overdue: asyncio.TimerHandle | None = None
    """The timer until it may be asked again in its callers' shares."""

    @property
    def has_page(self) -> bool:
        """Whether one of its callers asks for no export."""
        return not all(share.waiter.is_export for share in self.shares)

    @property
    def is_of_use(self) -> bool:
        """Whether it asks again for a share that another read has not answered yet."""
        return any(share.read is not self and not share.is_over for share in self.shares)

    def shared_call(self) -> Call:
        """The latest deadline, the strictest staleness, and the first id of its callers."""
        first, *others = calls = [share.waiter.call for share in self.shares]
        if not others:
            return first
        deadlines = [call.deadline for call in calls]
        limits = [call.max_staleness for call in calls if call.max_staleness is not None]
        return attrs.evolve(
            first,
            deadline=None if None in deadlines else max(d for d in deadlines if d is not None),
            max_staleness=min(limits, default=None),
            waiters=tuple(
                call.correlation_id
                for call in others[:_MAX_WAITERS_NAMED]
                if call.correlation_id is not None
            ),
        )

    def add(self, waiter: Waiter, ids: Ids, *, was_pending: bool) -> None:
        """Let `waiter` wait for `ids`, which are some of this read's or all of them."""
        share = Share(waiter, self, ids, was_pending)
        self.shares.append(share)
        waiter.add(share)

    def complete(self, outcome: ReadOutcome | BaseException) -> None:
        """Give `outcome` to every share."""
        self.is_completed = True
        if self.overdue is not None:
            self.overdue.cancel()
        for share in self.shares:
            share.take(outcome)

    def divide(self, size: int) -> "list[InFlightRead]":
        """Keep what goes out first, and return the rest as further reads, in their order.

        Callers with a page come first: they share reads of at most `size` ids, in as few reads as
        possible. Those with an export follow, in reads of their own.
        """
        pages = [share.ids for share in self.shares if not share.waiter.is_export]
        exports = [share.ids for share in self.shares if share.waiter.is_export]
        if len(self.ids) <= size and not (pages and exports):
            return []
        reads = exports
        if pages or not _are_few(exports, len(self.ids), size):
            in_pages = set[ProductVariantId]().union(*pages)
            reads = [*_filled(pages, size), *_filled(exports, size, in_pages)]
        first, *others = reads
        further = [InFlightRead(self.began, ids) for ids in others]
        read_of = dict.fromkeys(first, self)
        for read in further:
            read_of.update(dict.fromkeys(read.ids, read))
        shares, self.ids, self.shares = self.shares, first, []
        for share in shares:
            share.spread(read_of)
        return further


def _are_few(parts: Sequence[Ids], distinct: int, size: int) -> bool:
    """Whether `parts`, a read each, are as few reads as hold the `distinct` ids of all of them."""
    return sum(map(len, parts)) == distinct and len(parts) == -(-distinct // size)


def _filled(
    parts: Iterable[Ids], size: int, elsewhere: AbstractSet[ProductVariantId] = frozenset()
) -> Iterator[Ids]:
    """Fill as few reads of `size` ids as possible, and divide few of `parts` between two of them.

    Args:
        parts: the ids of each caller.
        size: ids in one read, at most.
        elsewhere: ids that are in other reads.
    """
    seen = set(elsewhere)
    news: list[list[ProductVariantId]] = []
    for part in parts:
        news.append([variant for variant in part if variant not in seen])
        seen.update(part)
    spare = -sum(map(len, news)) % size  # the room that is left in as few reads as possible
    filled: Ids = {}
    for new in news:
        room = size - len(filled)
        if len(new) > room and room <= spare:
            spare -= room
            yield filled
            filled = {}
        for variant in new:
            if len(filled) == size:
                yield filled
                filled = {}
            filled[variant] = None
    if filled:
        yield filled


def _first_answers(
    first: ReadOutcome | BaseException, second: ReadOutcome | BaseException, ids: Ids
) -> ReadOutcome | BaseException:
    """The answers of `first`, and those of `second` for what it did not answer."""
    if isinstance(second, BaseException):
        return first
    if isinstance(first, BaseException):
        return second
    return {
        variant: second[variant] if type(first[variant]) is Unreadable else first[variant]
        for variant in ids
    }


def _are_answered(outcome: ReadOutcome | BaseException, ids: Ids) -> bool:
    if isinstance(outcome, BaseException):
        return False
    return all(type(outcome[variant]) is not Unreadable for variant in ids)
