import pytest

from shelfport.adapters.ops.latency import RANGES, Latencies
from shelfport.adapters.ops.plots import at_duration, latency_plot, served_plot
from shelfport.adapters.ops.recorder import Sample
from shelfport.ports.signals import BreakerState

CLOSED, OPEN = BreakerState.CLOSED, BreakerState.OPEN


@pytest.mark.parametrize(
    ("seconds", "x"), [(0.0, 0), (0.001, 0), (0.01, 250), (0.1, 500), (10, 1000), (60, 1000)]
)
def test_durations_stand_on_a_logarithmic_scale(seconds: float, x: float) -> None:
    """Each decade has a quarter of the width; beyond the scale is at its end."""
    assert x == at_duration(seconds)


def counts(**at: int) -> tuple[int, ...]:
    return tuple(at.get(f"r{index}", 0) for index in range(RANGES))


def test_failures_stand_below_answers() -> None:
    """The bars of a range are stacked, the greatest fills the height, slow ones are marked."""
    latencies = Latencies(answered=counts(r0=6, r20=1), failed=counts(r0=2))
    plot = latency_plot(latencies, slow_call_duration=0.8, deadline=2.0)

    assert ["failed", "answered", "slow"] == [bar.kind for bar in plot.bars]
    assert [(75.0, 25.0), (0.0, 75.0), (87.5, 12.5)] == [(b.y, b.height) for b in plot.bars]
    assert 8 == plot.highest


def a_sample(at: float, fresh: int = 0, stale: int = 0, circuit: BreakerState = CLOSED) -> Sample:
    return Sample(at, fresh, stale, 0, 0, circuit)


def test_what_was_served_is_stacked() -> None:
    """Rates from one sample to the next; the highest fills the height, the latest is rightmost."""
    plot = served_plot([a_sample(0), a_sample(2, fresh=20), a_sample(4, fresh=40, stale=20)])

    assert (20.0, (40, 20, 0, 0)) == (plot.highest, plot.totals)
    assert ["fresh", "stale"] == [area.kind for area in plot.areas]
    fresh, stale = (area.path for area in plot.areas)
    assert fresh.startswith("M986.7 50.0L993.3 50.0L993.3 50.0L1000 50.0L1000 100.0")
    assert "L993.3 0.0L1000 0.0L1000 50.0" in stale


@pytest.mark.parametrize("samples", [[], [a_sample(0)]], ids=len)
def test_too_few_samples_draw_nothing(samples: list[Sample]) -> None:
    """A page that has just begun has an empty plot, and no error."""
    assert ((), (0, 0, 0, 0)) == (served_plot(samples).areas, served_plot(samples).totals)


def test_an_outage_is_a_band() -> None:
    """From the sample that saw the circuit open to the one that saw it closed; else to the edge."""
    samples = [a_sample(0), a_sample(60, circuit=OPEN), a_sample(120, circuit=OPEN)]
    ended = served_plot([*samples, a_sample(180), a_sample(300)])
    going_on = served_plot(samples)

    assert [("open", 200.0, 400.0)] == [(b.kind, b.x, b.width) for b in ended.bands]
    assert [("open", 800.0, 200.0)] == [(b.kind, b.x, b.width) for b in going_on.bands]
