"""`BreakerOptions`: when the circuit opens, and when it is tried again."""

import attrs

from shelfport.domain.model.validators import number


@attrs.frozen(kw_only=True)
class BreakerOptions:
    """When to give up on the service for a while. Durations are seconds, rates 0 to 1."""

    window: float = attrs.field(default=10.0, validator=number(0.1, 3600, unit="seconds"))
    """How far back outcomes count.

    Why: long enough to count, short enough to forget."""
    minimum_calls: int = attrs.field(default=5, validator=number(1, 100_000, unit="calls"))
    """Outcomes in the window before any rate means something; few, as callers share requests.

    Why: callers share requests, so that few are left to count."""
    failure_rate_threshold: float = attrs.field(
        default=0.5, validator=number(0.01, 1, unit="of all calls")
    )
    """The share of failures that opens the circuit.

    Why: one failing host out of three does not open it; a failing service does within seconds."""
    slow_call_rate_threshold: float = attrs.field(
        default=0.8, validator=number(0.01, 1, unit="of all calls")
    )
    """The share of slow calls that opens it.

    Why: some calls may be slow; if nearly all are, the service has too much to do."""
    slow_call_duration: float = attrs.field(
        default=0.8, validator=number(0.001, 300, unit="seconds")
    )
    """From here on a call is slow, whatever came of it.

    Why: below an attempt's time, so that a service about to time out is noticed before."""
    open_duration: float = attrs.field(default=5.0, validator=number(0.001, 3600, unit="seconds"))
    """How long the circuit stays open before the service is tried again.

    Why: time for a host to restart; a page shows stale stock meanwhile."""
    jitter: float = attrs.field(default=0.5, validator=number(0, 1, unit="of the time"))
    """The share by which each such pause may be shorter or longer: the hosts of a fleet open in the
    same moment, and would come back in the same moment (docs/decisions/0009).

    Why: a fleet that comes back in step knocks a recovering service over."""
    half_open_calls: int = attrs.field(default=1, validator=number(1, 100, unit="calls"))
    """Calls that may try it at once, and successes that close the circuit.

    Why: one request finds out as well as many, and cannot knock it over again."""
    half_open_timeout: float = attrs.field(
        default=5.0, validator=number(0.001, 3600, unit="seconds")
    )
    """How long a probe may take before another one is let through in its place.

    Why: longer than any attempt: only a probe that was lost is replaced."""
