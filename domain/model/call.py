"""`Call`: the deadline, the staleness limit and the ids of one call."""

import re

import attrs

from shelfport.domain.model.validators import optional_seconds

_MAX_CORRELATION_ID = 128
_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)


def clean_id(correlation_id: str | None) -> str | None:
    """The part of a correlation id that may go into headers and logs; None if it is empty."""
    if correlation_id is None:
        return None
    if correlation_id.isalnum() and correlation_id.isascii():
        return correlation_id[:_MAX_CORRELATION_ID]  # the common case
    visible = "".join(c for c in correlation_id[:1024] if "!" <= c <= "~")
    return visible[:_MAX_CORRELATION_ID] or None


def trace_context(traceparent: str | None) -> str | None:
    """`traceparent`, if it is well-formed in version 00 to fe (Trace Context §3.2); else None."""
    if traceparent is not None and _TRACEPARENT.fullmatch(traceparent):
        return traceparent
    return None


def begun_trace(correlation_id: str) -> str:
    """A trace context made from a correlation id of 32 hexadecimal digits, not sampled.

    It is for a call without a trace context; `Call` drops the result for any other id.
    """
    return f"00-{correlation_id}-{correlation_id[:16]}-00"


def was_begun_here(traceparent: str) -> bool:
    """Whether `begun_trace` made it, so that no span belongs to it."""
    _, trace_id, span_id, flags = traceparent.split("-")
    return flags == "00" and trace_id.startswith(span_id)


@attrs.frozen(kw_only=True)
class Call:
    """The terms of a call: every layer passes them on.

    None means that the caller set no value. `DeadlineLayer` fills in `deadline` and
    `correlation_id`, below the cache, so that a hit does not pay for them.
    """

    deadline: float | None = None
    """The instant, in seconds of the `Clock`'s monotonic scale, until which the answer must be
    there; it includes queueing, attempts and back-off."""
    max_staleness: float | None = attrs.field(default=None, validator=optional_seconds)
    """The greatest age, in seconds, of a cached reading that the caller accepts; 0 accepts none."""
    correlation_id: str | None = attrs.field(default=None, converter=clean_id)
    """Identifies the caller's request in its own records, in ours and in the Inventory Service's.
    Only visible ASCII is kept, at most 128 characters."""
    traceparent: str | None = attrs.field(default=None, converter=trace_context)
    """The W3C trace context of the caller's request, passed on unchanged; None if malformed."""
    waiters: tuple[str, ...] = ()
    """Correlation ids of other calls that share this request, for its log record."""
    attempt: int = 1
    """The number of this attempt, counted from 1."""


DEFAULT_CALL = Call()
"""A call without limits and ids; shared, so that it costs no allocation."""
