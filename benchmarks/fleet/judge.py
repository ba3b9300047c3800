"""The bounds that a run of everything must keep."""

import resource
from collections.abc import Iterator, Mapping

from benchmarks.fleet.jobs import FRONT, HALF, Job
from benchmarks.fleet.measure import OUTAGES, Figures, outage, recovery
from benchmarks.fleet.run import Recording
from benchmarks.fleet.way import MOST, OFF, TIGHT, WAYS
from shelfport.adapters.cli.sizing import FleetLoad, steady_load

RECOVERED = 15.0
"""Seconds after an outage within which the service is back at its steady load."""
_STABLE = 0.1
"""By how much a figure may differ when the views are halved."""
_SMALL_AGE = 0.02
"""Seconds by which an age at the median may differ whatever its size: a turn in a queue."""
_SIZED = 0.05
"""By how much `shelfport size` may be wrong about the steady load."""
_VIEWS = 10_000_000
_GIB = 2**30

Runs = Mapping[str, tuple[Job, Recording]]


def misses(runs: Runs, found: Mapping[str, Figures]) -> Iterator[str]:
    """A sentence for each bound that does not hold."""
    yield from _sampling(runs)
    for way in (*WAYS, *OFF):
        for name in OUTAGES:
            took = found[way.name].recovery[name]
            if took is None or took > RECOVERED:
                yield f"{way.title}: not back at its steady load {RECOVERED:g} s after {name}"
    yield from _metastable(runs)
    yield from _stable(found)
    yield from _sized(runs, found)
    peak, peak_off = (max(runs[name + FRONT][1].asked[40:]) for name in (WAYS[1].name, "no-jitter"))
    if peak_off < 1.5 * peak:
        yield f"without jitter hosts ask no more in step: {peak_off} to {peak} in the worst moment"


def _sampling(runs: Runs) -> Iterator[str]:
    views = sum(recording.total for _, recording in runs.values())
    if views > _VIEWS:
        yield f"{views:,} views were sampled"
    for job, recording in runs.values():
        if recording.kept > MOST:
            yield f"{job.name}: a host keeps {recording.kept} variants"
    # In kilobytes; of the fullest process, of which there are two, and of this one.
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if 2 * most + own > 4 * _GIB:
        yield f"memory: two processes of {most / _GIB:.1f} GiB, and {own / _GIB:.1f} GiB"


def tight_recovery(runs: Runs, name: str) -> float | None:
    """Seconds until a tightly sized service is back at its steady load; None: it never was."""
    job, recording = runs[name]
    _, calm = runs["tight"]
    begin, end = outage(job.day, "slow")
    bins = calm.asked[int(job.day.warm_until * 4) : int(begin * 4)]
    steady = sum(bins) / (begin - job.day.warm_until)
    return recovery(recording, job.day.scene("slow"), end, steady)


def _metastable(runs: Runs) -> Iterator[str]:
    for way in (way for way in TIGHT if way.breaker):
        took = tight_recovery(runs, way.name)
        if took is None or took > 2 * RECOVERED:
            yield f"a tight service, {way.title}: not back after {2 * RECOVERED:g} s"
    if tight_recovery(runs, TIGHT[-1].name) is not None:
        yield "a tight service recovers without budget and breaker"


def _stable(found: Mapping[str, Figures]) -> Iterator[str]:
    for way in WAYS:
        whole, half = found[way.name], found[way.name + HALF]
        # Without the library, what an overload is like depends on the few workers of the sample.
        stable = ("per_view", "calm", "sale", "age_p50", "age_p99") if way.library else ("calm",)
        for what in stable:
            a, b = getattr(whole, what), getattr(half, what)
            spare = _SMALL_AGE if what == "age_p50" else 0.0
            if abs(a - b) > max(_STABLE * a, spare):
                yield f"{way.title}: {what} is {a:.3g}, and {b:.3g} with half the views"
        for name, share in whole.unavailable_in.items() if way.library else ():
            if abs(share - half.unavailable_in[name]) > max(_STABLE * share, 0.01):
                yield (
                    f"{way.title}: unavailable in {name} are {share:.1%}, and "
                    f"{half.unavailable_in[name]:.1%} with half the views"
                )


def _sized(runs: Runs, found: Mapping[str, Figures]) -> Iterator[str]:
    for way in WAYS[1:]:
        fleet = runs[way.name][0].fleet
        load = FleetLoad(
            hosts=fleet.hosts,
            views=fleet.hosts * fleet.views,
            capacity=fleet.workers / fleet.capacity.mean,
            variants=fleet.variants,
            shared_cache=way.shared,
        )
        sized, was = steady_load(load, 5.0), found[way.name].calm
        if abs(sized - was) > _SIZED * was:
            yield f"{way.title}: `shelfport size` says {sized:,.0f} a second, and it was {was:,.0f}"
