"""`BreakerOptions`: when the circuit opens, and when a probe may close it."""

import attrs

from shelfport.domain.model.validators import number


@attrs.frozen(kw_only=True)
class BreakerOptions:
    """When the circuit opens, and when a probe may close it. Durations are in seconds."""

    window: float = attrs.field(default=10.0, validator=number(0.1, 3600, unit="seconds"))
    """How far back outcomes count.

    Why: long enough to count, short enough to forget."""
    minimum_calls: int = attrs.field(default=5, validator=number(1, 100_000, unit="calls"))
    """Outcomes in the window below which no rate opens the circuit.

    Why: callers share requests, so that there are few outcomes to count."""
    failure_rate_threshold: float = attrs.field(
        default=0.5, validator=number(0.01, 1, unit="of all calls")
    )
    """The share of failures that opens the circuit.

    Why: one failing host out of three does not open it; a failing service does within seconds."""
    slow_call_rate_threshold: float = attrs.field(
        default=0.8, validator=number(0.01, 1, unit="of all calls")
    )
    """The share of slow calls that opens it.

    Why: some calls may be slow; if nearly all are, the service is overloaded."""
    slow_call_duration: float = attrs.field(
        default=0.8, validator=number(0.001, 300, unit="seconds")
    )
    """A call that takes this long or longer is slow, whatever its outcome.

    Why: below the timeout of an attempt, so that a service that slows down is noticed before calls
    time out."""
    open_duration: float = attrs.field(default=5.0, validator=number(0.001, 3600, unit="seconds"))
    """How long the circuit stays open before the service is tried again.

    Why: time for a host to restart; a page shows stale stock meanwhile."""
    jitter: float = attrs.field(default=0.5, validator=number(0, 1, unit="of the time"))
    """The share by which each such pause may be shorter or longer: the circuits of a fleet open at
    the same moment, and would send their probes at the same moment.

    Why: the probes of a whole fleet at once can overload a service that recovers."""
    half_open_calls: int = attrs.field(default=1, validator=number(1, 100, unit="calls"))
    """Probes in flight at once, at most, and the successes that close the circuit.

    Why: one request is a test as good as many, and cannot overload the service again."""
    half_open_timeout: float = attrs.field(
        default=5.0, validator=number(0.001, 3600, unit="seconds")
    )
    """How long a probe may take before another one may replace it.

    Why: longer than any attempt: only a lost probe is replaced."""
