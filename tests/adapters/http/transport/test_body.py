"""Bodies in several gzip members: what is read of them, and what that costs."""

import gzip
import time
import tracemalloc
import zlib

import pytest

from shelfport.adapters.http.transport.body import Content

EMPTY = gzip.compress(b"")


def content_of(body: bytes, *, max_bytes: int = 1_000_000, chunk: int = 65_536) -> Content:
    content = Content(max_bytes, compressed=True)
    for start in range(0, len(body), chunk):
        content.add(body[start : start + chunk])
        if content.too_long:
            break
    return content


@pytest.mark.parametrize("chunk", [1, 7, 65_536])
@pytest.mark.parametrize(
    "members", [[b"[1]"], [b"[", b"1]"], [b"[", b"", b"1", b"]", b""]], ids=["one", "two", "empty"]
)
def test_the_contents_of_the_members_are_joined(members: list[bytes], chunk: int) -> None:
    """It does not matter how many members a body has, or where its chunks end."""
    content = content_of(b"".join(map(gzip.compress, members)), chunk=chunk)

    assert (b"[1]", True, False) == (bytes(content), content.complete, content.too_long)


@pytest.mark.parametrize("end", [-1, -9, -len(EMPTY) + 1], ids=["check", "data", "header"])
def test_a_member_that_is_cut_is_not_complete(end: int) -> None:
    """The body ends where a member ends."""
    assert not content_of((gzip.compress(b"[1]") + EMPTY)[:end]).complete


@pytest.mark.parametrize("more", [b"more", bytes(64)], ids=["text", "zeros"])
def test_other_data_after_a_member_is_refused(more: bytes) -> None:
    """What follows a member is another one, or the body is damaged."""
    with pytest.raises(zlib.error):
        content_of(gzip.compress(b"[1]") + more)


def test_members_are_bounded_together() -> None:
    """The limit holds for the sum of the members, and memory stays within it."""
    bomb = gzip.compress(b" " * 400_000) * 50
    tracemalloc.start()

    content = content_of(bomb)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert content.too_long
    assert 1_000_001 == len(bytes(content))
    assert peak < 4_000_000


def test_empty_members_cost_time_in_proportion() -> None:
    """Four times as many empty members in one chunk take about four times as long."""

    def seconds(members: int) -> float:
        body = EMPTY * members
        began = time.process_time()
        assert content_of(body, chunk=len(body), max_bytes=len(body)).complete
        return time.process_time() - began

    few = min(seconds(2_000) for _ in range(3))
    assert min(seconds(8_000) for _ in range(3)) < 8 * few
