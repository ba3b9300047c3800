import asyncio
from collections.abc import Sequence
from math import ceil

import pytest

from shelfport import ProductVariantId
from shelfport.adapters.layers.in_flight import InFlightRead, Waiter
from shelfport.errors import TimedOut
from shelfport.ports import DEFAULT_CALL, Unreadable
from tests.support.values import a_reading, ids

A, B, C, D, E, F, G, H = ids(8)


async def gathered(*pages: Sequence[ProductVariantId], export: int | None = None) -> InFlightRead:
    """A pending read of these callers; the one at `export` asks for an export."""
    read = InFlightRead(7.0)
    for number, page in enumerate(pages):
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        read.ids.update(dict.fromkeys(page))
        waiter = Waiter(DEFAULT_CALL, number == export, future)
        read.add(waiter, dict.fromkeys(page), was_pending=True)
    return read


def divided(read: InFlightRead, size: int) -> list[list[ProductVariantId]]:
    """The ids of the reads into which `read` is divided."""
    waiters = [share.waiter for share in read.shares]
    wanted = [list(share.ids) for share in read.shares]
    reads = [read, *read.divide(size)]
    for waiter, ids_of in zip(waiters, wanted, strict=True):
        assert sorted(ids_of) == sorted(v for share in waiter.shares for v in share.ids)
        for share in waiter.shares:
            assert share in share.read.shares
            assert share.ids.keys() <= share.read.ids.keys()
            assert share.was_pending
    assert {7.0} == {part.began for part in reads}
    return [list(part.ids) for part in reads]


@pytest.mark.parametrize(
    ("pages", "reads"),
    [
        ([[A, B, C]], [[A, B, C]]),
        ([[A], [B], [A, C]], [[A, B, C]]),
        ([[A, B], [C, D]], [[A, B], [C, D]]),
        ([[A, B], [C, D], [E, F]], [[A, B, C], [D, E, F]]),
        ([[A, B], [C, D], [E]], [[A, B], [C, D, E]]),
        ([[A, B], [C, D], [E, F], [G, H]], [[A, B], [C, D, E], [F, G, H]]),
        ([[A, B, C], [C, D]], [[A, B, C], [D]]),
        ([[A], [B, C, D], [E, F]], [[A, B, C], [D, E, F]]),
    ],
)
async def test_pages_are_divided(
    pages: list[list[ProductVariantId]], reads: list[list[ProductVariantId]]
) -> None:
    """Pages fill as few reads as possible, and are divided between two only where they must be."""
    assert reads == divided(await gathered(*pages), 3)
    assert len(reads) == ceil(len({v for page in pages for v in page}) / 3)


@pytest.mark.parametrize(
    ("callers", "export", "reads"),
    [
        ([[A, B], [C]], 0, [[C], [A, B]]),
        ([[A], [B, C]], 1, [[A], [B, C]]),
        ([[A, B, C, D], [A, E]], 0, [[A, E], [B, C, D]]),
        ([[A, B], [C, B, A]], 1, [[A, B], [C]]),
        ([[A, B, C]], 0, [[A, B, C]]),
        ([[A, B, C, D]], 0, [[A, B, C], [D]]),
    ],
)
async def test_an_export_shares_no_read_with_a_page(
    callers: list[list[ProductVariantId]], export: int, reads: list[list[ProductVariantId]]
) -> None:
    """What a page asks for goes first; what only an export asks for follows in reads of its own."""
    assert reads == divided(await gathered(*callers, export=export), 3)


async def test_a_caller_waits_for_all_of_its_reads() -> None:
    """A caller of two reads is woken by the second one."""
    read = await gathered([A, B, C, D])
    [waiter] = [share.waiter for share in read.shares]
    [further] = read.divide(3)

    further.complete({D: a_reading(D)})
    assert not waiter.woken.done()
    read.complete(TimedOut("late"))

    assert waiter.woken.done()
    assert {A, B, C, D} == {v for share in waiter.shares for v in share.ids}


async def test_what_is_answered_twice_is_answered_by_the_first() -> None:
    """A share takes the first answer of each id, of its read or of the one of its own."""
    read = await gathered([A, B], [C])
    share, _ = read.shares
    own = InFlightRead(8.0, dict.fromkeys([A, B]))
    share.ask_again(own)

    own.complete({A: a_reading(A, 1), B: Unreadable(TimedOut("late"))})
    was_over = share.is_over
    read.complete({v: a_reading(v, 2) for v in (A, B, C)})

    assert [False, True] == [was_over, share.is_over]
    assert {A: a_reading(A, 1), B: a_reading(B, 2)} == share.outcome()
    own.complete(TimedOut("later"))  # changes nothing any more
    assert {A: a_reading(A, 1), B: a_reading(B, 2)} == share.outcome()


async def test_two_failures_are_the_first() -> None:
    """A share whose reads both fail has the error of the first one."""
    read = await gathered([A], [B])
    share, _ = read.shares
    own = InFlightRead(8.0, dict.fromkeys([A]))
    share.ask_again(own)
    first = TimedOut("first")

    read.complete(first)
    assert not share.is_over
    own.complete(TimedOut("second"))

    assert first is share.outcome()


async def test_a_bug_in_one_read_leaves_the_other() -> None:
    """The answers of one read count although a bug ended the other one."""
    read = await gathered([A], [B])
    share, other = read.shares
    own = InFlightRead(8.0, dict.fromkeys([A]))
    share.ask_again(own)

    read.complete(KeyError("bug"))
    own.complete({A: a_reading(A)})

    assert {A: a_reading(A)} == share.outcome()
    with pytest.raises(KeyError):
        other.outcome()


async def test_a_share_is_over_once() -> None:
    """A caller of two shares still waits for the second when both reads of the first are there."""
    read = await gathered([A, B, C, D], [B])
    [waiter, _] = [share.waiter for share in read.shares]
    read.divide(2)
    share, _ = waiter.shares
    own = InFlightRead(8.0, dict(share.ids))
    share.ask_again(own)

    for part in (own, share.read):
        part.complete({variant: a_reading(variant) for variant in share.ids})

    assert not waiter.woken.done()


async def test_a_completed_read_is_not_overdue() -> None:
    """The timer of a read ends with it."""
    read = await gathered([A], [B])
    read.overdue = asyncio.get_running_loop().call_later(60, print)

    read.complete(TimedOut("late"))

    assert read.is_completed
    assert read.overdue.cancelled()
