"""The terms of one call: what a caller asks of the stack beside the answer."""

import re

import attrs

from shelfport.domain.model.validators import optional_seconds

_LONGEST_CORRELATION_ID = 128
_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)


def clean_id(correlation_id: str | None) -> str | None:
    """What of a correlation id may go into headers and logs; None if nothing is left."""
    if correlation_id is None:
        return None
    if correlation_id.isalnum() and correlation_id.isascii():
        return correlation_id[:_LONGEST_CORRELATION_ID]  # nearly all are
    visible = "".join(c for c in correlation_id[:1024] if "!" <= c <= "~")
    return visible[:_LONGEST_CORRELATION_ID] or None


def trace_context(traceparent: str | None) -> str | None:
    """Keep a well-formed version 00 to fe `traceparent` (Trace Context §3.2), and nothing else."""
    if traceparent is not None and _TRACEPARENT.fullmatch(traceparent):
        return traceparent
    return None


def begun_trace(correlation_id: str) -> str:
    """A trace context for a call that came without one, which no tracer here keeps a record of.

    An id of 32 hexadecimal digits is a trace id, too; of others a call makes no context.
    """
    return f"00-{correlation_id}-{correlation_id[:16]}-00"


def was_begun_here(traceparent: str) -> bool:
    """Whether `begun_trace` made it, so that it stands for nobody's span."""
    _, trace_id, span_id, flags = traceparent.split("-")
    return flags == "00" and trace_id.startswith(span_id)


@attrs.frozen(kw_only=True)
class Call:
    """How long, how stale, under which id: passed down every layer, never read from the air.

    None means "the caller did not say". The `DeadlineLayer` layer fills in `deadline` and
    `correlation_id` on the way down, so that a call answered from memory pays for neither.
    """

    deadline: float | None = None
    """The instant, in seconds of the `Clock`'s monotonic scale, after which no answer is wanted.
    One deadline over everything: queueing, attempts, backoff."""
    max_staleness: float | None = attrs.field(default=None, validator=optional_seconds)
    """The greatest age, in seconds, of a kept reading that this caller accepts; 0 accepts none."""
    correlation_id: str | None = attrs.field(default=None, converter=clean_id)
    """Ties the caller's records, ours and the Inventory Service's together (R23). It goes into
    headers and logs, so what is not visible ASCII is dropped, and what is over 128 characters."""
    traceparent: str | None = attrs.field(default=None, converter=trace_context)
    """The W3C trace context of the caller's request, passed on as it is; malformed, it is None."""
    waiters: tuple[str, ...] = ()
    """Correlation ids of further calls that share this request, for its record."""
    attempt: int = 1
    """Which attempt this is, counted from 1."""


DEFAULT_CALL = Call()
"""The call of a caller without wishes: shared, so that such a call allocates nothing."""
