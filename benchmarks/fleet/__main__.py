"""`python -m benchmarks.fleet`: simulate the day in every way, print the figures, judge them.

`--real` compares five minutes of 20 real processes with their simulation instead; `--seconds N`
takes less time for it. `--write` renews the plots of docs/scale.md.
"""

import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from tempfile import gettempdir

from benchmarks.fleet.jobs import HALF, jobs, run_all
from benchmarks.fleet.judge import misses, tight_recovery
from benchmarks.fleet.measure import Figures, figures
from benchmarks.fleet.plots import draw_plots
from benchmarks.fleet.real import compare
from benchmarks.fleet.way import OFF, TIGHT, WAYS

DOCS = Path(__file__).parents[2] / "docs" / "plots"


def _table(found: list[Figures]) -> None:
    print(
        f"\n{'':33} req/view  calm/s  sale/s  peak/s   amplification   recovered, s  "
        "age p50   p99   max  unavailable, % of: day  dead  slow  sale   told wrong, s: calm"
        "  bus  outages"
    )
    for f in found:
        back = "/".join("never" if took is None else f"{took:.0f}" for took in f.recovery.values())
        more = "/".join(f"{value:.2f}" for value in f.amplification.values())
        worst = max(f.worst_amplification.values())
        parts = [f"{100 * share:5.1f}" for share in f.unavailable_in.values()]
        print(
            f"{f.title:33} {f.per_view:8.3f} {f.calm:7,.0f} {f.sale:7,.0f} {f.peak:7,.0f} "
            f"{more:>10} ({worst:.2f}) {back:>12}  {f.age_p50:7.2f} {f.age_p99:5.1f} "
            f"{f.age_max:5.0f} {100 * f.unavailable:23.3f} {' '.join(parts)} "
            f"{f.wrong_calm:21.2f} {f.wrong_bus:5.2f} {f.wrong_outage:5.2f}"
        )


def _simulate(*, write: bool) -> int:
    began = time.monotonic()
    runs = {}
    for job, recording in run_all(jobs()):
        runs[job.name] = (job, recording)
        print(
            f"{job.name:20} {recording.total:9,} views, {recording.seconds:4.0f} s of processor "
            f"time; at most {recording.kept:,} variants in a host's memory",
            flush=True,
        )
    named = {
        name: figures(recording, job.way.title, job.fleet, job.day)
        for name, (job, recording) in runs.items()
        if name.removesuffix(HALF) in {way.name for way in (*WAYS, *OFF)}
    }
    print("\nrequests are of 1,000 hosts; amplification and recovery: dead/slow, (worst 10 s)")
    _table([named[way.name] for way in WAYS])
    print("\nthe four ways with half the views:")
    _table([named[way.name + HALF] for way in WAYS])
    print("\nthe defaults (the second of these) with one thing off at a time:")
    _table([named[way.name] for way in OFF])
    print("\na service of 4,000 requests a second under a fleet with a shared cache; after slow:")
    for way in TIGHT:
        took = tight_recovery(runs, way.name)
        print(f"  {way.title:30} {'never back' if took is None else f'back after {took:.0f} s'}")
    folder = DOCS if write else Path(gettempdir()) / "shelfport-fleet"
    for path in draw_plots(runs, [named[way.name] for way in WAYS], folder):
        print(path)
    views = sum(recording.total for _, recording in runs.values())
    print(f"{views:,} sampled views in {time.monotonic() - began:.0f} s")
    missed = list(misses(runs, named))
    for sentence in missed:
        print(f"MISS: {sentence}")
    return 1 if missed else 0


def main(arguments: list[str]) -> int:
    """Run what the arguments say; the exit code."""
    parser = ArgumentParser(prog="nox -s fleet --", description=__doc__)
    parser.add_argument("--real", action="store_true")
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args(arguments)
    return compare(given.seconds) if given.real else _simulate(write=given.write)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
