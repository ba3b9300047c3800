"""The geometry of the plots: counts as bars and areas in a box of 0 to 1000 by 0 to 100.

The page stretches a box to its width, so a box has no text; the text stands around it.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from math import log10
from typing import Final

import attrs

from shelfport.adapters.ops.latency import BOUNDS, LONGEST, SHORTEST, Latencies
from shelfport.adapters.ops.recorder import SAMPLE_EVERY, SAMPLES, Sample
from shelfport.ports.signals import BreakerState

WIDTH: Final = 1000
HEIGHT: Final = 100


@attrs.frozen
class Bar:
    """A rectangle; `kind` is its CSS class."""

    kind: str
    x: float
    y: float
    width: float
    height: float


@attrs.frozen
class Area:
    """A filled path."""

    kind: str
    path: str


@attrs.frozen
class LatencyPlot:
    """Attempts by duration, on a logarithmic scale from 1 ms to 10 s."""

    bars: tuple[Bar, ...]
    highest: int
    """Attempts at full height."""
    slow_call_duration: float
    """The x of the line from which a call is slow."""
    deadline: float
    """The x of the deadline."""


def at_duration(seconds: float) -> float:
    """The x of a duration; a duration outside the scale is at its end."""
    share = log10(max(seconds, SHORTEST) / SHORTEST) / log10(LONGEST / SHORTEST)
    return round(WIDTH * min(share, 1.0), 1)


def latency_plot(
    latencies: Latencies, *, slow_call_duration: float, deadline: float
) -> LatencyPlot:
    """The plot: failures below, answers on top of them."""
    highest = max(a + f for a, f in zip(latencies.answered, latencies.failed, strict=True)) or 1
    bars: list[Bar] = []
    for index, (low, high) in enumerate(pairwise(BOUNDS)):
        x, right = at_duration(low), at_duration(high)
        top = float(HEIGHT)
        answered = "slow" if low >= slow_call_duration else "answered"
        for kind, count in (
            ("failed", latencies.failed[index]),
            (answered, latencies.answered[index]),
        ):
            if count:
                # One attempt among thousands is still visible.
                height = max(round(HEIGHT * count / highest, 2), 1.0)
                top = round(top - height, 2)
                bars.append(Bar(kind, x, top, round(right - x - 3, 1), height))
    return LatencyPlot(tuple(bars), highest, at_duration(slow_call_duration), at_duration(deadline))


@attrs.frozen
class ServedPlot:
    """Variants served a second over the last five minutes, and the state of the circuit."""

    areas: tuple[Area, ...]
    """Stacked, the lowest first."""
    bands: tuple[Bar, ...]
    """Times when the circuit was not closed."""
    highest: float
    """Variants a second at full height."""
    totals: tuple[int, int, int, int]
    """Fresh, stale, missed and unreadable variants of the whole time."""


KINDS: Final = ("fresh", "stale", "missed", "unreadable")


def served_plot(samples: Sequence[Sample]) -> ServedPlot:
    """The plot from the first sample to the last, which is at the right edge."""
    if len(samples) < 2:
        return ServedPlot((), (), 1.0, (0, 0, 0, 0))
    now = samples[-1].at
    span = SAMPLE_EVERY * SAMPLES

    def x_of(sample: Sample) -> float:
        return round(WIDTH * max(0.0, 1 - (now - sample.at) / span), 1)

    steps = [
        (x_of(a), x_of(b), [d / max(b.at - a.at, 0.001) for d in _differences(a, b)])
        for a, b in pairwise(samples)
    ]
    highest = max(1.0, *(sum(rates) for _, _, rates in steps))
    areas: list[Area] = []
    floors = [0.0] * len(steps)
    for index, kind in enumerate(KINDS):
        tops = [floor + rates[index] for floor, (_, _, rates) in zip(floors, steps, strict=True)]
        if tops != floors:
            areas.append(Area(kind, _between(steps, floors, tops, highest)))
        floors = tops
    return ServedPlot(
        tuple(areas),
        tuple(_bands(samples, x_of)),
        highest,
        _differences(samples[0], samples[-1]),
    )


def _differences(a: Sample, b: Sample) -> tuple[int, int, int, int]:
    return (
        b.fresh - a.fresh,
        b.stale - a.stale,
        b.missed - a.missed,
        b.unreadable - a.unreadable,
    )


def _between(
    steps: Sequence[tuple[float, float, object]],
    floors: Sequence[float],
    tops: Sequence[float],
    highest: float,
) -> str:
    """The path around the area between two lines of steps."""

    def y_of(rate: float) -> str:
        return f"{HEIGHT * (1 - rate / highest):.1f}"

    there = [
        f"{x:g} {y_of(top)}" for (x0, x1, _), top in zip(steps, tops, strict=True) for x in (x0, x1)
    ]
    back = [
        f"{x:g} {y_of(floor)}"
        for (x0, x1, _), floor in zip(reversed(steps), reversed(floors), strict=True)
        for x in (x1, x0)
    ]
    return "M" + "L".join((*there, *back)) + "Z"


def _bands(samples: Sequence[Sample], x_of: Callable[[Sample], float]) -> Iterable[Bar]:
    begun: tuple[BreakerState, float] | None = None
    for sample in samples:
        here = None if sample.circuit is BreakerState.CLOSED else sample.circuit
        if begun is not None and here is not begun[0]:
            yield Bar(begun[0].value, begun[1], 0, round(x_of(sample) - begun[1], 1), HEIGHT)
            begun = None
        if begun is None and here is not None:
            begun = (here, x_of(sample))
    if begun is not None:
        yield Bar(begun[0].value, begun[1], 0, round(WIDTH - begun[1], 1), HEIGHT)
