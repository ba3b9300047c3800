"""From a recording to the figures that are printed and judged."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import ceil

import attrs

from benchmarks.fleet.run import Recording
from benchmarks.fleet.scenario import LENGTH, Day, Fleet, Scene, draw_stock
from benchmarks.fleet.service import BinnedCount

OUTAGES = ("dead", "slow")
STEADY = 0.2
"""The service is at its steady load if it is within this share of it, on an average over
`WINDOW` seconds, and from then on."""
WINDOW = 10.0
_FEW = 0.01
"""The share of failed requests, and of unavailable views, that is nothing unusual."""


@attrs.frozen(kw_only=True)
class Figures:
    """The figures of one run. Rates are of the whole fleet, ages in seconds."""

    way: str
    title: str
    views: int
    """Sampled."""
    per_view: float
    """Requests for a view, in calm hours."""
    calm: float
    """Requests a second, in calm hours."""
    sale: float
    """Requests a second, while the flash sale lasts."""
    peak: float
    """The most requests in any second of the day."""
    amplification: dict[str, float]
    """By outage: requests while it lasted, to those of as many calm seconds."""
    worst_amplification: dict[str, float]
    """By outage, and a minute after it: the same, of its worst `WINDOW` seconds."""
    recovery: dict[str, float | None]
    """By outage: seconds until the service was back at its steady load; None: it never was."""
    age_p50: float
    age_p99: float
    age_max: float
    """Of what viewers saw in the day."""
    outage_age_p99: float
    """Of what viewers saw in the two outages."""
    unavailable: float
    """The share of the day's views that showed nothing."""
    unavailable_in: dict[str, float]
    """The same, while each outage, and the flash sale, lasted."""
    wrong_calm: float
    wrong_bus: float
    wrong_outage: float
    """Seconds of a sell-out for which viewers of the variant saw "in stock": of sell-outs
    that began in calm, in the bus outage, and in the two outages."""
    wait_p50: float
    wait_p99: float
    """Seconds that views waited in calm hours; 0 from memory."""


def figures(recording: Recording, title: str, fleet: Fleet, day: Day) -> Figures:
    """The figures of one run of a day that has both outages."""
    sell_outs = SellOuts([(s.begins, s.ends) for s in draw_stock(fleet, day).sell_outs])
    asked = recording.asked
    calm_seconds = sum(end - begin for begin, end in _calm(day))
    calm_asked = sum(_sum(asked, begin, end) for begin, end in _calm(day))
    calm_views = sum(_sum(recording.views, begin, end) for begin, end in _calm(day))
    steady = calm_asked / calm_seconds
    ages = Weighted(_weighted(recording.ages, calm_seconds, day))
    waits = sorted(recording.waits["calm"])
    outages = {name: outage(day, name) for name in OUTAGES}
    return Figures(
        way=recording.way,
        title=title,
        views=recording.total,
        per_view=calm_asked / calm_views,
        calm=steady * fleet.sample,
        sale=0.0 if day.sale is None else _rate(asked, *day.sale) * fleet.sample,
        peak=max(_moving(asked, 0.0, day.until, 1.0)) * fleet.sample,
        amplification={name: _rate(asked, *span) / steady for name, span in outages.items()},
        worst_amplification={
            name: max(_moving(asked, begin, end + 60.0, WINDOW)) / steady
            for name, (begin, end) in outages.items()
        },
        recovery={
            name: recovery(recording, day.scene(name), end, steady)
            for name, (_, end) in outages.items()
        },
        age_p50=ages.percentile(0.5),
        age_p99=ages.percentile(0.99),
        age_max=ages.percentile(1.0),
        outage_age_p99=Weighted(
            (age, 1.0) for name in OUTAGES for age in recording.ages.get(name, ())
        ).percentile(0.99),
        unavailable=_unavailable_of_the_day(recording, calm_seconds, day),
        unavailable_in={
            name: _sum(recording.unavailable, *span) / max(_sum(recording.views, *span), 1)
            for name, span in (outages | {"flash sale": day.sale or (0.0, 0.0)}).items()
        },
        wrong_calm=sell_outs.wrong(recording, day, "calm"),
        wrong_bus=sell_outs.wrong(recording, day, "bus outage"),
        wrong_outage=sell_outs.wrong(recording, day, *OUTAGES),
        wait_p50=waits[len(waits) // 2],
        wait_p99=waits[int(len(waits) * 0.99)],
    )


def outage(day: Day, name: str) -> tuple[float, float]:
    """From when to when the service was in trouble in a scene."""
    scene = day.scene(name)
    troubles = [t for t in day.troubles if scene.covers(t.begins)]
    return min(t.begins for t in troubles), max(t.ends for t in troubles)


def recovery(recording: Recording, scene: Scene, end: float, steady: float) -> float | None:
    """Seconds from `end` until the service has its steady load, and keeps it to the scene's end."""
    recovered = start = end
    while start + WINDOW <= scene.ends:
        span = (start, start + WINDOW)
        asked, views = _sum(recording.asked, *span), _sum(recording.views, *span)
        if (
            abs(asked / WINDOW / steady - 1) > STEADY
            or _sum(recording.failed, *span) > _FEW * asked
            or _sum(recording.unavailable, *span) > _FEW * views
        ):
            recovered = start + 1.0
        start += 1.0
    return None if recovered + WINDOW > scene.ends else recovered - end


@attrs.frozen
class SellOuts:
    """When each sell-out began, and how long it lasted."""

    spans: Sequence[tuple[float, float]]

    def wrong(self, recording: Recording, day: Day, *scenes: str) -> float:
        """Seconds of wrong "in stock" for a sell-out that began in one of `scenes`.

        Views come at random moments, so the share of wrong ones is the share of wrong time.
        """
        seconds = seen = wrong = 0.0
        for number, (views, wrongly_in_stock) in recording.wrongly_in_stock.items():
            begins, ends = self.spans[number]
            if day.scene_at(begins) in scenes:
                seconds += (ends - begins) * views
                seen += views
                wrong += wrongly_in_stock
        return wrong / seen * seconds / seen if seen else 0.0


class Weighted:
    """Values of which some stand for more than one."""

    def __init__(self, values: Iterable[tuple[float, float]]) -> None:
        self._values = sorted(values)
        self._total = sum(weight for _, weight in self._values)

    def percentile(self, share: float) -> float:
        """The value below which `share` of the weight lies; 0 of nothing."""
        reached = 0.0
        for value, weight in self._values:
            reached += weight
            if reached >= share * self._total:
                return value
        return self._values[-1][0] if self._values else 0.0


def _weight(calm_seconds: float, day: Day) -> float:
    """For how many calm seconds of the day one simulated calm second stands."""
    return (LENGTH - sum(scene.ends - scene.begins for scene in day.scenes)) / calm_seconds


def _weighted(
    values: "Mapping[str, Sequence[float]]", calm_seconds: float, day: Day
) -> Iterator[tuple[float, float]]:
    for name, found in values.items():
        weight = {"calm": _weight(calm_seconds, day), "warm-up": 0.0}.get(name, 1.0)
        if weight:
            yield from ((value, weight) for value in found)


def _unavailable_of_the_day(recording: Recording, calm_seconds: float, day: Day) -> float:
    weight = _weight(calm_seconds, day)
    scenes = [(scene.begins, scene.ends) for scene in day.scenes]
    nothing, views = (
        weight * sum(_sum(bins, *span) for span in _calm(day))
        + sum(_sum(bins, *span) for span in scenes)
        for bins in (recording.unavailable, recording.views)
    )
    return nothing / views


def _calm(day: Day) -> Iterator[tuple[float, float]]:
    begin = day.warm_until
    for scene in day.scenes:
        yield begin, scene.begins
        begin = scene.ends
    yield begin, day.until


def _sum(bins: Sequence[int], begin: float, end: float) -> int:
    return sum(bins[int(begin / BinnedCount.BIN) : int(end / BinnedCount.BIN)])


def _rate(bins: Sequence[int], begin: float, end: float) -> float:
    return _sum(bins, begin, end) / (end - begin)


def _moving(bins: Sequence[int], begin: float, end: float, window: float) -> Iterator[float]:
    """The rate in each stretch of `window` seconds, a second after the other."""
    for number in range(ceil(end - begin - window) + 1):
        yield _rate(bins, begin + number, begin + number + window)
