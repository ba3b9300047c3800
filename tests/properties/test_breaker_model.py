"""The circuit breaker against a model that remembers everything and recomputes it each time.

The model keeps a log and no counter: at every step it computes the state anew from the whole
log, with lists. All times are eighths of a second, so that floating point
is exact and every boundary is met.
"""

from collections.abc import Callable
from itertools import takewhile

import attrs
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from shelfport.adapters.layers import CircuitBreaker
from shelfport.adapters.layers.circuit_breaker.breaker import CallOutcome, Permit
from shelfport.options import BreakerOptions
from shelfport.ports import BreakerSnapshot
from shelfport.ports.signals import BreakerChanged, BreakerState, Signal

CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN


@attrs.frozen
class Acquired:
    """A caller asked for a permit."""

    at: float
    caller: int


@attrs.frozen
class Released:
    """The caller reported the outcome."""

    at: float
    caller: int
    outcome: CallOutcome
    stalled: float
    """Seconds of the call in which this process stood still."""


@attrs.frozen
class Held:
    """An operator forced a state, or ended that."""

    at: float
    state: BreakerState | None


Event = Acquired | Released | Held


def failed(released: Released) -> bool:
    return released.outcome in (CallOutcome.FAILURE, CallOutcome.DOUBTFUL)


@attrs.frozen
class Era:
    """The time between two changes of state."""

    state: BreakerState
    since: float
    held: bool = False


@attrs.define
class Model:
    """The state that a log leads to."""

    options: BreakerOptions
    eras: list[Era] = attrs.field(factory=lambda: [Era(CLOSED, 0.0)])
    admitted: dict[int, tuple[Era, Acquired]] = attrs.field(factory=dict)
    reported: list[tuple[Era, Released]] = attrs.field(factory=list)

    @property
    def era(self) -> Era:
        return self.eras[-1]

    @property
    def changes(self) -> list[tuple[BreakerState, BreakerState]]:
        pairs = zip(self.eras, self.eras[1:], strict=False)
        return [(a.state, b.state) for a, b in pairs if a.state is not b.state]

    def took(self, released: Released) -> float:
        return released.at - self.admitted[released.caller][1].at

    def slow(self, released: Released) -> bool:
        return self.took(released) - released.stalled >= self.options.slow_call_duration

    def counting(self, now: float) -> list[Released]:
        """The outcomes in the window of a closed era."""
        return [
            released
            for era, released in self.reported
            if era is self.era
            and era.state is CLOSED
            and not era.held
            and now - released.at < self.options.window
            and (released.outcome is not CallOutcome.IGNORED or self.slow(released))
        ]

    def probes(self, now: float) -> tuple[list[int], list[Released]]:
        """The probes of this era that hold a lease, and the outcomes that came in time."""
        lease = self.options.half_open_timeout
        released = [w for era, w in self.reported if era is self.era and self.took(w) < lease]
        answered = {word.caller for _, word in self.reported}
        leased = [
            caller
            for caller, (era, acquired) in self.admitted.items()
            if era is self.era and caller not in answered and now - acquired.at < lease
        ]
        return leased, released

    def admits(self, now: float) -> bool:
        if self.era.state is CLOSED:
            return True
        if self.era.state is OPEN:
            return False
        leased, released = self.probes(now)
        good = [word for word in released if word.outcome is CallOutcome.SUCCESS]
        return len(leased) + len(good) < self.options.half_open_calls

    def acquire(self, acquired: Acquired) -> None:
        era = self.era
        if (
            era.state is OPEN
            and not era.held
            and acquired.at - era.since >= self.options.open_duration
        ):
            self.eras.append(Era(HALF_OPEN, acquired.at))
        if self.admits(acquired.at):
            self.admitted[acquired.caller] = self.era, acquired

    def release(self, released: Released) -> None:
        era, _ = self.admitted[released.caller]
        self.reported.append((era, released))
        if era is not self.era or era.held:
            return
        turn = self.after_a_call(released) if era.state is CLOSED else self.after_a_probe(released)
        if turn is not era.state:
            self.eras.append(Era(turn, released.at))

    def after_a_call(self, released: Released) -> BreakerState:
        window = self.counting(released.at)
        if released not in window:
            return CLOSED
        sure = [word for word in window if word.outcome is not CallOutcome.DOUBTFUL]
        recent = self.since_the_last_good(released.at)
        too_many = (
            self.too_many(sure, failed, self.options.failure_rate_threshold)
            or self.too_many(window, self.slow, self.options.slow_call_rate_threshold)
            or self.too_many(recent, failed, self.options.failure_rate_threshold)
            or self.too_many(recent, self.slow, self.options.slow_call_rate_threshold)
        )
        return OPEN if too_many else CLOSED

    def too_many(
        self, outcomes: list[Released], bad: Callable[[Released], bool], threshold: float
    ) -> bool:
        count = len(outcomes)
        return count >= self.options.minimum_calls and sum(map(bad, outcomes)) / count >= threshold

    def since_the_last_good(self, now: float) -> list[Released]:
        """The outcomes in the window after the last good one, if that is a fifth of it ago."""
        good = [self.era.since] if len(self.eras) > 1 else []
        good += [word.at for era, word in self.reported if era is self.era and self.good(word)]
        if not good or now - good[-1] < self.options.window / 5:
            return []
        return list(takewhile(lambda word: not self.good(word), self.counting(now)[::-1]))

    def good(self, released: Released) -> bool:
        """Whether it counts, and does not speak against the service."""
        options, slow = self.options, self.slow(released)
        bad = (failed(released) and options.failure_rate_threshold < 1) or (
            slow and options.slow_call_rate_threshold < 1
        )
        return not bad and (slow or released.outcome is not CallOutcome.IGNORED)

    def after_a_probe(self, released: Released) -> BreakerState:
        _, in_time = self.probes(released.at)
        if released not in in_time:
            return HALF_OPEN
        if released.outcome is CallOutcome.FAILURE or self.slow(released):
            return OPEN
        good = [word for word in in_time if word.outcome is CallOutcome.SUCCESS]
        return CLOSED if len(good) >= self.options.half_open_calls else HALF_OPEN

    def hold(self, held: Held) -> None:
        self.eras.append(Era(held.state or CLOSED, held.at, held.state is not None))

    def snapshot(self, now: float) -> BreakerSnapshot:
        window, era = self.counting(now), self.era
        wait = max(era.since + self.options.open_duration - now, 0.0)
        return BreakerSnapshot(
            state=era.state,
            forced=era.held,
            calls=len(window),
            failures=sum(map(failed, window)),
            slow=sum(self.slow(word) for word in window),
            next_probe=wait if era.state is OPEN and not era.held else None,
        )


def replay(log: list[Event], options: BreakerOptions) -> Model:
    """Compute the state of `log` from its beginning."""
    model = Model(options)
    for event in log:
        match event:
            case Acquired():
                model.acquire(event)
            case Released():
                model.release(event)
            case Held():
                model.hold(event)
    return model


moments = st.sampled_from([0.0, 0.0, 0.125, 0.375, 0.5, 0.875, 1.0, 1.5, 2.0, 4.0])
"""The limits of the options below, and a little less than each."""
stalls = st.sampled_from([0.0, 0.0, 0.0, 0.125, 0.5, 4.0])
outcomes = st.sampled_from(CallOutcome)
options = st.builds(
    BreakerOptions,
    window=st.just(4.0),
    minimum_calls=st.integers(1, 4),
    failure_rate_threshold=st.sampled_from([0.25, 0.5, 1.0]),
    slow_call_rate_threshold=st.sampled_from([0.5, 0.75, 1.0]),
    slow_call_duration=st.sampled_from([0.5, 1.0]),
    open_duration=st.just(2.0),
    half_open_calls=st.integers(1, 3),
    half_open_timeout=st.sampled_from([0.5, 1.0, 2.0]),
)


class BreakerMachine(RuleBasedStateMachine):
    """Callers that come, leave, hang and report late, and an operator that forces states."""

    @initialize(options=options)
    def begin(self, options: BreakerOptions) -> None:
        self.options = options
        self.signals: list[Signal] = []
        self.breaker = CircuitBreaker(self.options, self.signals.append)
        self.now = 0.0
        self.log: list[Event] = []
        self.permits: dict[int, Permit] = {}
        self.callers = 0

    @property
    def model(self) -> Model:
        return replay(self.log, self.options)

    @rule(seconds=moments)
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.now += seconds

    @rule()
    def acquire(self) -> None:
        """A caller gets a permit exactly if the model allows it."""
        self.callers += 1
        self.log.append(Acquired(self.now, self.callers))

        permit = self.breaker.acquire(self.now)

        era_and_acquired = self.model.admitted.get(self.callers)
        assert (era_and_acquired is not None) == (permit is not None)
        if permit is not None and era_and_acquired is not None:
            assert (era_and_acquired[0].state is HALF_OPEN) == permit.probe
            assert self.now == permit.started
            self.permits[self.callers] = permit

    @precondition(lambda self: self.permits)
    @rule(data=st.data(), outcome=outcomes, after=moments, stalled=stalls)
    def release(
        self, data: st.DataObject, outcome: CallOutcome, after: float, stalled: float
    ) -> None:
        """A caller with a permit reports, at any time."""
        caller = data.draw(st.sampled_from(sorted(self.permits)), label="caller")
        self.now += after
        self.report(caller, outcome, stalled)

    def report(self, caller: int, outcome: CallOutcome, stalled: float = 0.0) -> None:
        self.log.append(Released(self.now, caller, outcome, stalled))
        self.breaker.release(self.permits.pop(caller), outcome, self.now, stalled)

    @rule(count=st.integers(1, 4), outcome=outcomes, took=moments, stalled=stalls)
    def burst(self, count: int, outcome: CallOutcome, took: float, stalled: float) -> None:
        """Several calls at once end with the same outcome."""
        first = self.callers + 1
        for _ in range(count):
            self.acquire()
        self.now += took
        for caller in range(first, first + count):
            if caller in self.permits:
                self.report(caller, outcome, stalled)
                self.agrees()

    @precondition(lambda self: self.model.era.state is CLOSED and not self.model.era.held)
    @rule(waited=st.sampled_from([1.875, 2.0, 2.0, 2.0, 5.0]))
    def outage(self, waited: float) -> None:
        """After a pause the service fails until the circuit opens, and for about as long."""
        self.now += self.options.window
        self.burst(self.options.minimum_calls, CallOutcome.FAILURE, 0.0, 0.0)
        assert self.model.era.state is OPEN
        self.now += waited

    @precondition(lambda self: self.model.era.state is not CLOSED)
    @rule(count=st.integers(1, 10), outcome=outcomes, took=moments)
    def crowd(self, count: int, outcome: CallOutcome, took: float) -> None:
        """Many callers come to a circuit that is not closed: only probes pass."""
        before = set(self.permits)
        for _ in range(count):
            self.acquire()
        new = sorted(set(self.permits) - before)
        assert len(new) <= self.options.half_open_calls
        self.now += took
        for caller in new[:1]:
            self.report(caller, outcome)

    @rule(state=st.sampled_from([OPEN, CLOSED, None, None, HALF_OPEN]))
    def force_state(self, state: BreakerState | None) -> None:
        """An operator forces a state or ends that; half-open cannot be forced."""
        if state is HALF_OPEN:
            with pytest.raises(ValueError, match="half-open"):
                self.breaker.force(state, self.now)
            return
        self.log.append(Held(self.now, state))
        self.breaker.force(state, self.now)

    @precondition(lambda self: hasattr(self, "breaker"))
    @invariant()
    def agrees(self) -> None:
        """State, snapshot and signals are those of the model."""
        model = self.model
        assert model.era.state is self.breaker.state
        assert model.snapshot(self.now) == self.breaker.snapshot(self.now)
        changes = [(s.before, s.after) for s in self.signals if isinstance(s, BreakerChanged)]
        assert model.changes == changes
        assert len(self.signals) == len(changes)


TestBreaker = BreakerMachine.TestCase
TestBreaker.settings = settings(stateful_step_count=60)
