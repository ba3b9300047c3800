"""What is run, and by how many processes."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import attrs

from benchmarks.fleet.run import Recording, record
from benchmarks.fleet.scenario import Day, Fleet, the_day, the_front_page, the_slow_hour
from benchmarks.fleet.way import OFF, TIGHT, WAYS, Way

PROCESSES = 2
HALF = "-half"
FRONT = "-front"


@attrs.frozen
class Job:
    """A run to be made, under a name."""

    name: str
    fleet: Fleet
    day: Day
    way: Way


def jobs() -> list[Job]:
    """All runs: four ways, also with half the views, five defaults off, and closer looks."""
    found = [Job(way.name, _fleet(way), the_day(), way) for way in WAYS]
    # Compared with the defaults at half the views.
    found += [Job(way.name, _fleet(way, sample=100), the_day(), way) for way in OFF]
    found += [Job(way.name + HALF, _fleet(way, sample=100), the_day(), way) for way in WAYS]
    found += [Job(way.name, _fleet(way, workers=100), the_slow_hour(), way) for way in TIGHT]
    page, hour = the_front_page()
    memory, no_jitter = WAYS[1], OFF[1]
    found += [Job(way.name + FRONT, page, hour, way) for way in (memory, no_jitter)]
    return found


def _fleet(way: Way, *, sample: int = 50, workers: int = 300) -> Fleet:
    # What hosts share depends on how often all of them look at a variant (docs/scale.md).
    return Fleet(sample=sample, workers=workers, thinned=way.shared)


def run_all(todo: Iterable[Job]) -> Iterator[tuple[Job, Recording]]:
    """Make the runs, as many at once as there are cores, in their order."""
    todo = list(todo)
    with ProcessPoolExecutor(PROCESSES, get_context("spawn")) as pool:
        yield from zip(todo, pool.map(_made, todo), strict=True)


def _made(job: Job) -> Recording:
    return record(job.fleet, job.day, job.way)
