from math import nan
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shelfport.domain.model.call import begun_trace, was_begun_here
from shelfport.ports import DEFAULT_CALL, Call


def test_a_default_call() -> None:
    """By default a call has no limits and no ids, and is the first attempt."""
    assert (None, None, None, None, (), 1) == (
        DEFAULT_CALL.deadline,
        DEFAULT_CALL.max_staleness,
        DEFAULT_CALL.correlation_id,
        DEFAULT_CALL.traceparent,
        DEFAULT_CALL.waiters,
        DEFAULT_CALL.attempt,
    )


@pytest.mark.parametrize("seconds", [0, 0.5, 300])
def test_max_staleness(seconds: float) -> None:
    """Any duration from zero on is a limit."""
    assert seconds == Call(max_staleness=seconds).max_staleness


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (-1, "max_staleness is -1: it must be 0 seconds or more"),
        (nan, "max_staleness is nan: it must be a number of seconds"),
        ("5", "max_staleness is '5': it must be a number of seconds"),
        (True, "max_staleness is True: it must be a number of seconds"),
    ],
)
def test_max_staleness_refused(value: Any, sentence: str) -> None:
    """A value that is not a duration is refused."""
    with pytest.raises(ValueError, match="max_staleness") as info:
        Call(max_staleness=value)

    assert sentence == str(info.value)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("order-17", "order-17"),
        ("a\r\nSet-Cookie: x", "aSet-Cookie:x"),
        ("x" * 10_000, "x" * 128),
        ("grün\x00\x1b[31m", "grn[31m"),
        ("\n", None),
        ("!~", "!~"),
        (" \x7f", None),
        ("x" * 127 + "yz", "x" * 127 + "y"),
        (" " * 1023 + "x", "x"),
        (" " * 1024 + "x", None),
        ("", None),
        (None, None),
    ],
)
def test_hostile_correlation_ids(given: str | None, kept: str | None) -> None:
    """Characters that are unsafe in a header or a log line are dropped from a correlation id."""
    assert kept == Call(correlation_id=given).correlation_id


PARENT = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7"


@pytest.mark.parametrize("given", [f"00-{PARENT}-01", f"fe-{PARENT}-ff", f"0f-{PARENT}-00", None])
def test_a_trace_context_is_kept(given: str | None) -> None:
    """A well-formed trace context is kept unchanged."""
    assert given == Call(traceparent=given).traceparent


@pytest.mark.parametrize(
    "given",
    [
        "",
        f"ff-{PARENT}-01",
        f"00-{PARENT}",
        f"00-{PARENT}-0",
        f"00-{PARENT}-01\n",
        f"00-{PARENT}-01-more",
        f" 00-{PARENT}-01",
        f"00-{PARENT.upper()}-01",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-4bf92f3577b34da6a3ce929d0e0e4736-{'0' * 16}-01",
        f"00-{PARENT[1:]}-01",
    ],
)
def test_a_malformed_trace_context_is_dropped(given: str) -> None:
    """A malformed trace context is dropped."""
    assert None is Call(traceparent=given).traceparent


@given(st.text("0123456789abcdef", min_size=32, max_size=32))
def test_a_trace_that_was_begun_here(correlation_id: str) -> None:
    """A trace context made from a correlation id is recognised; a tracer's is not taken for one."""
    assume(correlation_id[:16].strip("0"))
    begun = Call(traceparent=begun_trace(correlation_id)).traceparent

    assert begun is not None
    assert was_begun_here(begun)
    assert not was_begun_here(f"{begun[:-2]}01")
    assert not was_begun_here("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00")
