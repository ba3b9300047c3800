"""`CircuitBreaker`: the state machine of a circuit breaker, without a clock and without a call.

Time is passed in, in seconds of a monotonic scale. A caller acquires a `Permit`, makes its call,
and releases the permit with the outcome. A permit of an earlier state changes nothing.
"""

from collections import deque
from collections.abc import Callable
from enum import Enum
from math import inf

import attrs

from shelfport.adapters.layers.circuit_breaker.options import BreakerOptions
from shelfport.ports import Listener
from shelfport.ports.signals import BreakerChanged, BreakerState
from shelfport.ports.snapshot import BreakerSnapshot


class CallOutcome(Enum):
    """The outcome of a permitted call, for the breaker."""

    SUCCESS = "success"
    FAILURE = "failure"
    DOUBTFUL = "doubtful"
    """A failure that may be the fault of one variant. It counts as one while no other call ends
    well; as the outcome of a probe it is ignored."""
    IGNORED = "ignored"
    """No sign of the service's health: the caller left, or the request was wrong."""


@attrs.frozen(eq=False)
class Permit:
    """The permission to make one call."""

    generation: int
    """The number of the state that granted it; each change of state begins a new generation."""
    started: float
    """On the monotonic clock."""
    probe: bool = False


@attrs.frozen
class _Counted:
    at: float
    failed: bool
    slow: bool
    doubtful: bool


@attrs.define
class _Tally:
    """How many outcomes of each kind there are."""

    calls: int = 0
    failures: int = 0
    slow: int = 0
    doubtful: int = 0

    def add(self, counted: _Counted, sign: int = 1) -> None:
        """Add an outcome, or take it away."""
        self.calls += sign
        self.failures += sign * counted.failed
        self.slow += sign * counted.slow
        self.doubtful += sign * counted.doubtful

    def reason_to_open(self, options: BreakerOptions, doubted: int = 0) -> str | None:
        """Which rate opens the circuit, if `doubted` failures are none."""
        failures, calls = self.failures - doubted, self.calls - doubted
        if calls >= options.minimum_calls and failures >= options.failure_rate_threshold * calls:
            return f"{failures} of {calls} calls failed"
        slow, calls = self.slow, self.calls
        if calls >= options.minimum_calls and slow >= options.slow_call_rate_threshold * calls:
            return f"{slow} of {calls} calls took {options.slow_call_duration:g} s or more"
        return None


_SILENCE = 0.2
"""The share of the window without one good outcome, after which those before do not count."""


def _exact(_low: float, _high: float) -> float:
    return 0.0


@attrs.define(eq=False)
class CircuitBreaker:
    """Closed, it counts outcomes; open, it refuses calls; half-open, it permits a few probes.

    The rates are those of the window. If no outcome was good for a fifth of it, they are also
    those of the outcomes since then: a service that has just died is not judged by its past. A
    threshold of 1 is about the whole window.

    It belongs to one event loop. Only `snapshot` is thread-safe.
    """

    options: BreakerOptions
    listener: Listener = attrs.field(repr=False)
    uniform: Callable[[float, float], float] = attrs.field(default=_exact, repr=False)
    """Draws a number between two others: `random.uniform`. Without it, every pause is exact."""
    _state: BreakerState = attrs.field(init=False, default=BreakerState.CLOSED)
    _forced: bool = attrs.field(init=False, default=False)
    _generation: int = attrs.field(init=False, default=0, repr=False)
    _counted: deque[_Counted] = attrs.field(init=False, factory=deque, repr=False)
    _tally: _Tally = attrs.field(init=False, factory=_Tally, repr=False)
    """Of the window."""
    _since_good: _Tally = attrs.field(init=False, factory=_Tally, repr=False)
    """Of the outcomes after the last good outcome, older than the window or not."""
    _good_at: float = attrs.field(init=False, default=inf, repr=False)
    """When the last good outcome came, or the circuit was closed."""
    _open_until: float = attrs.field(init=False, default=0.0, repr=False)
    _leases: dict[Permit, float] = attrs.field(init=False, factory=dict, repr=False)
    """The probes in flight, each with the end of its lease."""
    _good_probes: int = attrs.field(init=False, default=0, repr=False)

    @property
    def state(self) -> BreakerState:
        """The state after the last call; the end of a pause shows only at the next call."""
        return self._state

    def acquire(self, now: float) -> Permit | None:
        """Return the permit for a call; None refuses it."""
        if self._state is BreakerState.CLOSED or self._forced:
            return None if self._state is BreakerState.OPEN else Permit(self._generation, now)
        if self._state is BreakerState.OPEN:
            if now < self._open_until:
                return None
            self._change(BreakerState.HALF_OPEN, now, "the service may be back")
        self._leases = {permit: end for permit, end in self._leases.items() if end > now}
        if len(self._leases) + self._good_probes >= self.options.half_open_calls:
            return None
        permit = Permit(self._generation, now, probe=True)
        self._leases[permit] = now + self.options.half_open_timeout
        return permit

    def release(
        self, permit: Permit, outcome: CallOutcome, now: float, stalled: float = 0.0
    ) -> None:
        """Report the outcome of a permitted call. A permit is released once.

        Args:
            permit: the permit.
            outcome: how the call ended.
            now: this moment.
            stalled: seconds of the call in which this process stood still; they make it less slow.
        """
        if permit.generation != self._generation or self._forced:
            return
        slow = now - permit.started - stalled >= self.options.slow_call_duration
        if permit.probe:
            # A probe whose lease has ended does not count: another one may have replaced it.
            if self._leases.pop(permit, now) > now:
                self._probed(outcome, now, slow=slow)
        elif slow or outcome is not CallOutcome.IGNORED:
            doubtful = outcome is CallOutcome.DOUBTFUL
            failed = doubtful or outcome is CallOutcome.FAILURE
            self._count(_Counted(now, failed, slow, doubtful))

    def force(self, state: BreakerState | None, now: float) -> None:
        """Hold the circuit open or closed, whatever the outcomes; None ends that, closed.

        Raises:
            ValueError: half-open cannot be held.
        """
        if state is BreakerState.HALF_OPEN:
            raise ValueError("a breaker can be forced open or closed, not half-open")
        self._forced = state is not None
        self._change(state or BreakerState.CLOSED, now, "forced" if state else "no longer forced")

    def snapshot(self, now: float) -> BreakerSnapshot:
        """The breaker's state at `now`. Changes nothing, and may be called from any thread."""
        # Copying a deque is atomic; iterating over it is not.
        counted = [one for one in self._counted.copy() if one.at > now - self.options.window]
        waits = self._state is BreakerState.OPEN and not self._forced
        return BreakerSnapshot(
            state=self._state,
            forced=self._forced,
            calls=len(counted),
            failures=sum(one.failed for one in counted),
            slow=sum(one.slow for one in counted),
            next_probe=max(self._open_until - now, 0.0) if waits else None,
        )

    def _count(self, counted: _Counted) -> None:
        options, now = self.options, counted.at
        self._counted.append(counted)
        self._tally.add(counted)
        self._forget(now)
        failed = counted.failed and options.failure_rate_threshold < 1
        if failed or (counted.slow and options.slow_call_rate_threshold < 1):
            self._since_good.add(counted)
        else:
            self._since_good, self._good_at = _Tally(), now
        why = self._tally.reason_to_open(options, doubted=self._tally.doubtful)
        if why is None and now - self._good_at >= _SILENCE * options.window:
            in_window = self._since_good.calls <= self._tally.calls
            recent = self._since_good if in_window else self._tally
            why = recent.reason_to_open(options)
        if why is not None:
            self._change(BreakerState.OPEN, now, why)

    def _probed(self, outcome: CallOutcome, now: float, *, slow: bool) -> None:
        if outcome is CallOutcome.FAILURE or slow:
            self._change(BreakerState.OPEN, now, "a probe was slow" if slow else "a probe failed")
        elif outcome is CallOutcome.SUCCESS:
            self._good_probes += 1
            if self._good_probes >= self.options.half_open_calls:
                self._change(BreakerState.CLOSED, now, "the service answers again")

    def _forget(self, now: float) -> None:
        oldest = now - self.options.window
        while self._counted and self._counted[0].at <= oldest:
            self._tally.add(self._counted.popleft(), -1)

    def _change(self, after: BreakerState, now: float, why: str) -> None:
        before, self._state = self._state, after
        self._generation += 1
        self._counted.clear()
        self._tally, self._since_good, self._good_at = _Tally(), _Tally(), now
        self._good_probes = 0
        self._leases = {}
        if after is BreakerState.OPEN:
            jitter = self.options.jitter
            self._open_until = now + self.options.open_duration * (
                1 + self.uniform(-jitter, jitter)
            )
        if after is not before:
            self.listener(BreakerChanged(before, after, why))
