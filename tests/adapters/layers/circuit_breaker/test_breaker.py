import attrs
import pytest

from shelfport.adapters.layers import CircuitBreaker
from shelfport.adapters.layers.circuit_breaker.breaker import CallOutcome, Permit
from shelfport.options import BreakerOptions
from shelfport.ports import BreakerSnapshot
from shelfport.ports.signals import BreakerChanged, BreakerState, Signal

CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN
SUCCESS, FAILURE, IGNORED = CallOutcome.SUCCESS, CallOutcome.FAILURE, CallOutcome.IGNORED
START = 1000.0
"""Not 0: a monotonic clock begins anywhere."""


@attrs.define
class Bench:
    """A breaker, its time, and its signals."""

    options: BreakerOptions = attrs.field(factory=BreakerOptions)
    now: float = START
    signals: list[Signal] = attrs.field(factory=list)
    breaker: CircuitBreaker = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.breaker = CircuitBreaker(self.options, self.signals.append)

    def acquire(self) -> Permit | None:
        return self.breaker.acquire(self.now)

    def permit(self) -> Permit:
        permit = self.acquire()
        assert permit is not None
        return permit

    def release(self, permit: Permit, outcome: CallOutcome, *stalled: float) -> None:
        self.breaker.release(permit, outcome, self.now, *stalled)

    def call(self, outcome: CallOutcome, *, took: float = 0.0) -> None:
        permit = self.permit()
        self.now += took
        self.release(permit, outcome)

    def calls(self, *outcomes: CallOutcome) -> None:
        for outcome in outcomes:
            self.call(outcome)

    def open(self) -> None:
        self.calls(*[FAILURE] * self.options.minimum_calls)
        assert OPEN is self.state

    def half_open(self) -> Permit:
        """Acquire the first probe as soon as the pause ends."""
        self.open()
        self.now += self.options.open_duration
        return self.permit()

    @property
    def state(self) -> BreakerState:
        return self.breaker.state

    @property
    def snapshot(self) -> BreakerSnapshot:
        return self.breaker.snapshot(self.now)

    @property
    def counts(self) -> tuple[int, int, int]:
        snapshot = self.snapshot
        return snapshot.calls, snapshot.failures, snapshot.slow

    @property
    def changes(self) -> list[tuple[BreakerState, BreakerState, str]]:
        return [(s.before, s.after, s.why) for s in self.signals if isinstance(s, BreakerChanged)]


# Closed


def test_at_first() -> None:
    """A new breaker is closed, has no counts and sent no signal."""
    bench = Bench()

    assert BreakerSnapshot(CLOSED, False, 0, 0, 0, None) == bench.snapshot
    assert CLOSED is bench.state
    assert [] == bench.signals


def test_closed_lets_everything_pass() -> None:
    """Closed, it gives any number of permits at once, and none of them is a probe."""
    bench = Bench()

    permits = [bench.permit() for _ in range(1000)]

    assert {False} == {permit.probe for permit in permits}
    assert {START} == {permit.started for permit in permits}


def test_outcomes_are_counted() -> None:
    """Successes, failures and slow calls count; ignored outcomes do not."""
    bench = Bench(BreakerOptions(minimum_calls=100))

    bench.calls(SUCCESS, SUCCESS, SUCCESS, FAILURE, FAILURE, IGNORED, IGNORED)
    assert (5, 2, 0) == bench.counts
    bench.call(SUCCESS, took=1)
    bench.call(FAILURE, took=1)
    bench.call(IGNORED, took=1)

    assert (8, 3, 3) == bench.counts


# Closed to open: failures


@pytest.mark.parametrize("minimum", [1, 2, 5, 6])
def test_below_the_minimum_no_rate_means_anything(minimum: int) -> None:
    """It opens with the call that reaches the minimum, not one sooner."""
    bench = Bench(BreakerOptions(minimum_calls=minimum))

    bench.calls(*[FAILURE] * (minimum - 1))
    assert CLOSED is bench.state
    bench.call(FAILURE)

    assert OPEN is bench.state
    assert [(CLOSED, OPEN, f"{minimum} of {minimum} calls failed")] == bench.changes


@pytest.mark.parametrize(
    ("rate", "failures", "successes", "state"),
    [
        (0.5, 5, 5, OPEN),
        (0.5, 4, 6, CLOSED),
        (0.2, 2, 8, OPEN),
        (0.2, 1, 9, CLOSED),
        (1.0, 10, 0, OPEN),
        (1.0, 9, 1, CLOSED),
        (0.01, 1, 9, OPEN),
    ],
)
def test_the_failure_rate(rate: float, failures: int, successes: int, state: BreakerState) -> None:
    """It opens when the share of failures reaches the rate."""
    bench = Bench(BreakerOptions(minimum_calls=10, failure_rate_threshold=rate))

    bench.calls(*[SUCCESS] * successes, *[FAILURE] * failures)

    assert state is bench.state
    if state is OPEN:
        assert [(CLOSED, OPEN, f"{failures} of 10 calls failed")] == bench.changes


def test_a_success_may_fill_the_minimum() -> None:
    """It opens by the rates of the window, also after a success."""
    bench = Bench()

    bench.calls(FAILURE, FAILURE, FAILURE, FAILURE, SUCCESS)

    assert [(CLOSED, OPEN, "4 of 5 calls failed")] == bench.changes


def test_ignored_outcomes_do_not_fill_the_minimum() -> None:
    """Ignored outcomes do not count, however many there are."""
    bench = Bench()

    bench.calls(*[FAILURE] * 4, *[IGNORED] * 100)

    assert CLOSED is bench.state
    assert (4, 4, 0) == bench.counts


# Closed to open: slowness


@pytest.mark.parametrize(("took", "slow"), [(0.75, 0), (0.8125, 1), (0.8, 1), (7.0, 1)])
def test_slow(took: float, slow: int) -> None:
    """A call is slow from `slow_call_duration` on."""
    bench = Bench(BreakerOptions(minimum_calls=100), now=0.0)

    bench.call(SUCCESS, took=took)

    assert (1, 0, slow) == bench.counts


@pytest.mark.parametrize(
    ("stalled", "slow"), [(0.0, 1), (0.5, 1), (0.5625, 0), (7.0, 0), (float("inf"), 0)]
)
def test_a_stall_is_not_slow(stalled: float, slow: int) -> None:
    """The time for which this process stood still is taken off the duration."""
    options = BreakerOptions(minimum_calls=100, slow_call_duration=1.0)
    bench = Bench(options, now=0.0)
    permit = bench.permit()
    bench.now += 1.5

    bench.release(permit, SUCCESS, stalled)

    assert (1, 0, slow) == bench.counts


def test_a_stall_makes_no_probe_slow() -> None:
    """A good probe closes the circuit, however long this process stood still meanwhile."""
    bench = Bench()
    probe = bench.half_open()
    bench.now += 2.0

    bench.release(probe, SUCCESS, 2.0)

    assert CLOSED is bench.state


@pytest.mark.parametrize("outcome", [SUCCESS, IGNORED])
@pytest.mark.parametrize(
    ("slow", "quick", "state"), [(4, 1, OPEN), (3, 2, CLOSED), (8, 2, OPEN), (5, 0, OPEN)]
)
def test_the_slow_rate(outcome: CallOutcome, slow: int, quick: int, state: BreakerState) -> None:
    """Slow calls open it at a rate of their own, also if their callers left."""
    bench = Bench(BreakerOptions(minimum_calls=slow + quick, window=60))

    bench.calls(*[SUCCESS] * quick)
    for _ in range(slow):
        bench.call(outcome, took=1)

    assert state is bench.state
    if state is OPEN:
        why = f"{slow} of {slow + quick} calls took 0.8 s or more"
        assert [(CLOSED, OPEN, why)] == bench.changes


def test_failures_are_named_before_slowness() -> None:
    """When both rates are reached, the reason names the failures."""
    bench = Bench(BreakerOptions(minimum_calls=2))

    bench.call(FAILURE, took=1)
    bench.call(FAILURE, took=1)

    assert [(CLOSED, OPEN, "2 of 2 calls failed")] == bench.changes


def test_the_reason_shows_the_setting() -> None:
    """The sentence about slow calls has the limit, without superfluous digits."""
    bench = Bench(BreakerOptions(minimum_calls=1, slow_call_duration=0.25))

    bench.call(SUCCESS, took=0.25)

    assert [(CLOSED, OPEN, "1 of 1 calls took 0.25 s or more")] == bench.changes


# The window


@pytest.mark.parametrize(("age", "counts"), [(9.75, (1, 1, 0)), (10.0, (0, 0, 0))])
def test_the_window_ends(age: float, counts: tuple[int, int, int]) -> None:
    """An outcome counts until it is a window old."""
    bench = Bench()
    bench.call(FAILURE)

    bench.now += age

    assert counts == bench.counts


def test_old_outcomes_do_not_open_it() -> None:
    """Failures further apart than the window never add up, also without a snapshot."""
    bench = Bench(BreakerOptions(minimum_calls=2))

    for _ in range(100):
        bench.call(FAILURE)
        bench.now += 10

    assert CLOSED is bench.state


def test_old_outcomes_are_forgotten_one_by_one() -> None:
    """An outcome that leaves the window is subtracted, as a failure and as a slow call."""
    bench = Bench(BreakerOptions(minimum_calls=100))
    bench.call(FAILURE)
    bench.now += 2
    bench.call(SUCCESS, took=1)
    bench.now += 1
    bench.call(SUCCESS)
    bench.now += 1
    bench.call(FAILURE, took=1)

    seen = []
    for _ in range(8):
        seen.append((bench.now - START, *bench.counts))
        bench.now += 2

    assert [
        (6.0, 4, 2, 2),
        (8.0, 4, 2, 2),
        (10.0, 3, 1, 2),
        (12.0, 3, 1, 2),
        (14.0, 1, 1, 1),
        (16.0, 0, 0, 0),
        (18.0, 0, 0, 0),
        (20.0, 0, 0, 0),
    ] == seen


def test_an_outcome_counts_from_its_end() -> None:
    """A long call enters the window when it ends, not when it began."""
    bench = Bench()

    bench.call(FAILURE, took=100)
    bench.now += 9

    assert (1, 1, 1) == bench.counts


# Open


@pytest.mark.parametrize(("waited", "given"), [(0.0, False), (4.75, False), (5.0, True)])
def test_open_refuses_for_a_while(waited: float, given: bool) -> None:
    """Open, it gives no permit until `open_duration` has passed since it opened."""
    bench = Bench()
    bench.open()

    bench.now += waited

    assert given == (bench.acquire() is not None)
    assert (HALF_OPEN if given else OPEN) is bench.state


def test_open_forgets_what_it_counted() -> None:
    """The snapshot of an open breaker has no counts, and the time to the next probe."""
    bench = Bench()
    bench.call(FAILURE, took=1)
    bench.calls(*[FAILURE] * 4)

    assert BreakerSnapshot(OPEN, False, 0, 0, 0, 5.0) == bench.snapshot


@pytest.mark.parametrize(("waited", "left"), [(1.5, 3.5), (5.0, 0.0), (60.0, 0.0)])
def test_the_next_probe(waited: float, left: float) -> None:
    """The snapshot counts down to the next probe; time alone does not change the state."""
    bench = Bench()
    bench.open()

    bench.now += waited

    assert BreakerSnapshot(OPEN, False, 0, 0, 0, left) == bench.snapshot


# Half-open


def test_half_open() -> None:
    """The first caller after the pause gets a permit, as a probe."""
    bench = Bench()

    probe = bench.half_open()

    assert probe.probe
    assert bench.now == probe.started
    assert BreakerSnapshot(HALF_OPEN, False, 0, 0, 0, None) == bench.snapshot
    assert (OPEN, HALF_OPEN, "the service may be back") == bench.changes[-1]


@pytest.mark.parametrize("probes", [1, 2, 7])
def test_exactly_so_many_probes(probes: int) -> None:
    """Of 50 callers, exactly the configured number gets a permit."""
    bench = Bench(BreakerOptions(half_open_calls=probes))
    bench.open()
    bench.now += 5

    permits = [bench.acquire() for _ in range(50)]

    assert probes == sum(permit is not None for permit in permits)
    assert all(permit is not None for permit in permits[:probes])


def test_a_good_probe_closes_it() -> None:
    """One success closes it, and the counts begin at 0."""
    bench = Bench()
    probe = bench.half_open()

    bench.release(probe, SUCCESS)

    assert BreakerSnapshot(CLOSED, False, 0, 0, 0, None) == bench.snapshot
    assert (HALF_OPEN, CLOSED, "the service answers again") == bench.changes[-1]
    assert not bench.permit().probe


def test_all_probes_must_be_good() -> None:
    """With three probes it closes at the third success; until then no other call passes."""
    bench = Bench(BreakerOptions(half_open_calls=3))
    probes = [bench.half_open(), bench.permit(), bench.permit()]

    for probe in probes[:2]:
        bench.release(probe, SUCCESS)
        assert HALF_OPEN is bench.state
        assert bench.acquire() is None
    bench.release(probes[2], SUCCESS)

    assert CLOSED is bench.state


@pytest.mark.parametrize(
    ("outcome", "took", "why"),
    [
        (FAILURE, 0.0, "a probe failed"),
        (FAILURE, 1.0, "a probe was slow"),
        (SUCCESS, 1.0, "a probe was slow"),
        (IGNORED, 1.0, "a probe was slow"),
    ],
)
def test_a_bad_probe_opens_it_again(outcome: CallOutcome, took: float, why: str) -> None:
    """One probe that fails, or is slow, opens it for the whole time again."""
    bench = Bench()
    probe = bench.half_open()
    bench.now += took

    bench.release(probe, outcome)

    assert (HALF_OPEN, OPEN, why) == bench.changes[-1]
    assert 5.0 == bench.snapshot.next_probe
    bench.now += 4.75
    assert bench.acquire() is None
    bench.now += 0.25
    assert bench.permit().probe


def test_one_bad_probe_of_several() -> None:
    """After a failure the other probes of that round do not count any more."""
    bench = Bench(BreakerOptions(half_open_calls=3))
    first, second, third = bench.half_open(), bench.permit(), bench.permit()

    bench.release(first, SUCCESS)
    bench.release(second, FAILURE)
    bench.release(third, SUCCESS)

    assert OPEN is bench.state
    assert [OPEN, HALF_OPEN, OPEN] == [after for _, after, _ in bench.changes]


def test_good_probes_of_an_earlier_round_do_not_count() -> None:
    """Each round of probes starts at none."""
    bench = Bench(BreakerOptions(half_open_calls=2))
    first, second = bench.half_open(), bench.permit()
    bench.release(first, SUCCESS)
    bench.release(second, FAILURE)
    bench.now += 5

    bench.call(SUCCESS)

    assert HALF_OPEN is bench.state
    bench.call(SUCCESS)
    assert CLOSED is bench.state


def test_an_ignored_probe_returns_its_lease() -> None:
    """An ignored probe does not change the state, and the next caller gets its place."""
    bench = Bench()
    probe = bench.half_open()
    assert bench.acquire() is None

    bench.release(probe, IGNORED)

    assert HALF_OPEN is bench.state
    assert bench.permit().probe
    assert bench.acquire() is None


@pytest.mark.parametrize(("waited", "given"), [(4.75, False), (5.0, True), (60.0, True)])
def test_the_lease_of_a_hung_probe_ends(waited: float, given: bool) -> None:
    """A probe that hangs is replaced when its lease has ended."""
    bench = Bench()
    bench.half_open()

    bench.now += waited

    assert given == (bench.acquire() is not None)


def test_recovery_behind_a_hung_probe() -> None:
    """The second probe closes the circuit, though the first one still hangs."""
    bench = Bench()
    bench.half_open()
    bench.now += 5

    bench.call(SUCCESS)

    assert CLOSED is bench.state


@pytest.mark.parametrize("outcome", list(CallOutcome))
def test_a_probe_that_lost_its_lease(outcome: CallOutcome) -> None:
    """The outcome of a probe after its lease changes nothing, not even the next one's lease."""
    bench = Bench()
    hung = bench.half_open()
    bench.now += 5
    before = len(bench.signals)

    bench.release(hung, outcome)
    assert HALF_OPEN is bench.state
    second = bench.permit()
    bench.release(hung, outcome)

    assert HALF_OPEN is bench.state
    assert bench.acquire() is None
    assert before == len(bench.signals)
    bench.release(second, SUCCESS)
    assert CLOSED is bench.state


def test_a_probe_released_just_within_its_lease() -> None:
    """A lease holds up to its end."""
    bench = Bench(BreakerOptions(slow_call_duration=60))
    probe = bench.half_open()
    bench.now += 4.75

    bench.release(probe, SUCCESS)

    assert CLOSED is bench.state


def test_each_probe_has_a_lease_of_its_own() -> None:
    """Of two hung probes, only the one whose lease has ended is replaced."""
    bench = Bench(BreakerOptions(half_open_calls=2))
    bench.half_open()
    bench.now += 2
    bench.permit()

    bench.now += 3
    assert bench.acquire() is not None
    assert bench.acquire() is None
    bench.now += 2
    assert bench.acquire() is not None
    assert bench.acquire() is None


def test_a_probe_is_released_once() -> None:
    """Releasing a probe twice counts once."""
    bench = Bench(BreakerOptions(half_open_calls=2))
    probe = bench.half_open()

    bench.release(probe, SUCCESS)
    bench.release(probe, SUCCESS)

    assert HALF_OPEN is bench.state


# Generations


@pytest.mark.parametrize("outcome", list(CallOutcome))
@pytest.mark.parametrize("took", [0.0, 6.0])
def test_a_late_outcome_while_open(outcome: CallOutcome, took: float) -> None:
    """A permit from before it opened changes nothing while it is open."""
    bench = Bench()
    early = bench.permit()
    bench.open()
    before = len(bench.signals)
    bench.now += took

    bench.release(early, outcome)

    assert OPEN is bench.state
    assert (0, 0, 0) == bench.counts
    assert before == len(bench.signals)
    assert 5.0 - min(took, 5.0) == bench.snapshot.next_probe


@pytest.mark.parametrize("outcome", list(CallOutcome))
def test_a_late_outcome_while_half_open(outcome: CallOutcome) -> None:
    """A permit from before it opened does not count as a probe."""
    bench = Bench()
    early = bench.permit()
    bench.half_open()

    bench.release(early, outcome)

    assert HALF_OPEN is bench.state
    assert bench.acquire() is None


@pytest.mark.parametrize("outcome", list(CallOutcome))
def test_a_late_outcome_after_recovery(outcome: CallOutcome) -> None:
    """A permit from before the outage does not count after it."""
    bench = Bench(BreakerOptions(minimum_calls=1))
    early = bench.permit()
    bench.release(bench.half_open(), SUCCESS)

    bench.release(early, outcome)

    assert CLOSED is bench.state
    assert (0, 0, 0) == bench.counts


@pytest.mark.parametrize("outcome", list(CallOutcome))
def test_a_probe_of_an_earlier_round(outcome: CallOutcome) -> None:
    """A probe whose round another one ended neither closes nor opens anything."""
    bench = Bench(BreakerOptions(half_open_calls=2))
    early, bad = bench.half_open(), bench.permit()
    bench.release(bad, FAILURE)
    bench.now += 5
    bench.permit()

    bench.release(early, outcome)

    assert HALF_OPEN is bench.state
    assert bench.acquire() is not None
    assert bench.acquire() is None


# Forced


def test_forced_open() -> None:
    """Held open, it gives no permit, after any time."""
    bench = Bench()

    bench.breaker.force(OPEN, bench.now)
    bench.now += 3600

    assert bench.acquire() is None
    assert BreakerSnapshot(OPEN, True, 0, 0, 0, None) == bench.snapshot
    assert [(CLOSED, OPEN, "forced")] == bench.changes


def test_forced_closed() -> None:
    """Held closed, it lets everything pass, and no failure opens it."""
    bench = Bench()
    bench.open()

    bench.breaker.force(CLOSED, bench.now)
    bench.calls(*[FAILURE] * 100)

    assert not bench.permit().probe
    assert BreakerSnapshot(CLOSED, True, 0, 0, 0, None) == bench.snapshot
    assert (OPEN, CLOSED, "forced") == bench.changes[-1]


@pytest.mark.parametrize("held", [OPEN, CLOSED])
def test_no_longer_forced(held: BreakerState) -> None:
    """No longer forced, it is closed, and the counts begin at 0."""
    bench = Bench()
    bench.breaker.force(held, bench.now)
    bench.signals.clear()

    bench.breaker.force(None, bench.now)

    assert BreakerSnapshot(CLOSED, False, 0, 0, 0, None) == bench.snapshot
    assert ([(OPEN, CLOSED, "no longer forced")] if held is OPEN else []) == bench.changes
    bench.open()


def test_forcing_the_current_state() -> None:
    """Forcing the state that it is in sends no signal."""
    bench = Bench()

    bench.breaker.force(CLOSED, bench.now)
    bench.breaker.force(None, bench.now)

    assert [] == bench.signals


def test_forcing_begins_a_generation() -> None:
    """A permit from before or during a forced state does not count after it."""
    bench = Bench(BreakerOptions(minimum_calls=1))
    before = bench.permit()
    bench.breaker.force(CLOSED, bench.now)
    during = bench.permit()
    bench.breaker.force(None, bench.now)

    bench.release(before, FAILURE)
    bench.release(during, FAILURE)

    assert (0, 0, 0) == bench.counts
    assert CLOSED is bench.state


def test_it_opens_by_itself_again_after_being_forced() -> None:
    """After it was held open, an outage opens it for the usual time."""
    bench = Bench()
    bench.breaker.force(OPEN, bench.now)
    bench.now += 100
    bench.breaker.force(None, bench.now)
    bench.open()

    assert 5.0 == bench.snapshot.next_probe
    bench.now += 5
    assert bench.permit().probe


def test_half_open_cannot_be_held() -> None:
    """Half-open cannot be forced; the attempt changes nothing."""
    bench = Bench()

    with pytest.raises(ValueError, match="half-open") as info:
        bench.breaker.force(HALF_OPEN, bench.now)

    assert "a breaker can be forced open or closed, not half-open" == str(info.value)
    assert BreakerSnapshot(CLOSED, False, 0, 0, 0, None) == bench.snapshot


# A whole outage


def test_signals_of_an_outage() -> None:
    """An outage from its beginning to its end is four signals."""
    bench = Bench()
    probe = bench.half_open()
    bench.release(probe, FAILURE)
    bench.now += 5
    bench.call(SUCCESS)

    assert [
        (CLOSED, OPEN, "5 of 5 calls failed"),
        (OPEN, HALF_OPEN, "the service may be back"),
        (HALF_OPEN, OPEN, "a probe failed"),
        (OPEN, HALF_OPEN, "the service may be back"),
        (HALF_OPEN, CLOSED, "the service answers again"),
    ] == bench.changes


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"window": 0}, "window"),
        ({"minimum_calls": 0}, "minimum_calls"),
        ({"failure_rate_threshold": 0}, "failure_rate_threshold"),
        ({"failure_rate_threshold": 1.1}, "failure_rate_threshold"),
        ({"slow_call_rate_threshold": 0}, "slow_call_rate_threshold"),
        ({"slow_call_rate_threshold": 1.1}, "slow_call_rate_threshold"),
        ({"slow_call_duration": 0}, "slow_call_duration"),
        ({"open_duration": 0}, "open_duration"),
        ({"half_open_calls": 0}, "half_open_calls"),
        ({"half_open_timeout": 0}, "half_open_timeout"),
    ],
)
def test_absurd_options(arguments: dict[str, float], name: str) -> None:
    """An option out of its bounds is refused by name."""
    with pytest.raises(ValueError, match=f"^{name} is "):
        BreakerOptions(**arguments)  # type: ignore[arg-type]  # the point of the test


def test_shown() -> None:
    """Its repr shows the options, and the state that it is in."""
    bench = Bench()
    bench.open()

    shown = repr(bench.breaker)

    assert f"CircuitBreaker(options={bench.options!r}, _state={OPEN!r}, _forced=False)" == shown


def test_a_snapshot_changes_nothing() -> None:
    """A snapshot, maybe from another thread, removes nothing from the window."""
    bench = Bench()
    bench.calls(FAILURE, SUCCESS)

    later = bench.breaker.snapshot(START + bench.options.window)

    assert 0 == later.calls
    assert (2, 1, 0) == bench.counts


def test_outcomes_that_left_the_window_open_nothing() -> None:
    """Failures and slow calls that left the window do not count any more."""
    failing = Bench()
    failing.calls(FAILURE, FAILURE)
    failing.now += failing.options.window
    failing.calls(SUCCESS, SUCCESS, SUCCESS, FAILURE, FAILURE)
    slow = Bench(BreakerOptions(slow_call_rate_threshold=0.5))
    slow.call(SUCCESS, took=1.0)
    slow.call(SUCCESS, took=1.0)
    slow.now += slow.options.window
    slow.calls(SUCCESS, SUCCESS, SUCCESS)
    slow.call(SUCCESS, took=1.0)
    slow.call(SUCCESS, took=1.0)

    assert CLOSED is failing.state
    assert CLOSED is slow.state


def test_pauses_have_jitter() -> None:
    """Each pause is drawn anew around `open_duration`, by the share `jitter`."""
    drawn: list[tuple[float, float]] = []
    ends = iter((-0.4, 0.4))

    def uniform(low: float, high: float) -> float:
        drawn.append((low, high))
        return next(ends)

    breaker = CircuitBreaker(
        BreakerOptions(minimum_calls=1, open_duration=10, jitter=0.4), lambda _: None, uniform
    )
    permit = breaker.acquire(START)
    assert permit is not None
    breaker.release(permit, FAILURE, START)

    assert None is breaker.acquire(START + 5.9)
    assert 6.0 == breaker.snapshot(START).next_probe
    probe = breaker.acquire(START + 6.0)
    assert probe is not None
    breaker.release(probe, FAILURE, START + 6.0)
    assert None is breaker.acquire(START + 19.9)
    assert None is not breaker.acquire(START + 20.0)
    assert [(-0.4, 0.4)] * 2 == drawn
