"""The plots of docs/scale.md."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.fleet.jobs import FRONT, HALF, Job
from benchmarks.fleet.measure import Figures, outage
from benchmarks.fleet.run import Recording
from benchmarks.fleet.scenario import the_day
from benchmarks.fleet.service import BinnedCount
from benchmarks.fleet.way import OFF, TIGHT, WAYS

Runs = Mapping[str, tuple[Job, Recording]]


def draw_plots(runs: Runs, found: Sequence[Figures], folder: Path) -> list[Path]:
    """Write all plots into `folder`; what was written."""
    # Here, so that the tests of the simulation need no plotting.
    import matplotlib as mpl  # noqa: PLC0415 - as above

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "shelfport"  # the same plot is the same file
    mpl.rcParams["font.size"] = 8
    from matplotlib import pyplot as plt  # noqa: PLC0415 - after the backend is chosen

    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, draw in (
        ("load", _load),
        ("unavailable", _unavailable),
        ("off", _off),
        ("metastable", _metastable),
        ("jitter", _jitter),
        ("ages", _ages),
    ):
        figure = draw(plt, runs, found)
        path = folder / f"fleet-{name}.svg"
        figure.savefig(path, bbox_inches="tight", metadata={"Date": None})
        plt.close(figure)
        written.append(path)
    return written


def _load(plt: Any, runs: Runs, _: Sequence[Figures]) -> Any:
    figure, axes = plt.subplots(figsize=(9, 3.2))
    for way in WAYS:
        axes.plot(*_rates(runs[way.name], "asked", 5.0), label=way.title, linewidth=1)
    _scenes(axes)
    axes.set(xlabel="seconds (calm hours left out)", ylabel="requests a second at the service")
    _legend(axes)
    return figure


def _unavailable(plt: Any, runs: Runs, _found: Sequence[Figures]) -> Any:
    figure, axes = plt.subplots(figsize=(9, 2.4))
    for way in WAYS:
        job, recording = runs[way.name]
        at, nothing = _rates((job, recording), "unavailable", 5.0)
        _, views = _rates((job, recording), "views", 5.0)
        share = [100 * n / v if v else 0 for n, v in zip(nothing, views, strict=True)]
        axes.plot(at, share, label=way.title, linewidth=1)
    _scenes(axes)
    axes.set(xlabel="seconds (calm hours left out)", ylabel="% of views unavailable")
    _legend(axes)
    return figure


def _off(plt: Any, runs: Runs, _: Sequence[Figures]) -> Any:
    begin, end = outage(the_day(), "slow")
    figure, rows = plt.subplots(2, 3, figsize=(9, 4.2), sharex=True, sharey=True)
    for axes, way in zip(rows.flat, (WAYS[1], *OFF), strict=True):
        run = runs[way.name + HALF if way is WAYS[1] else way.name]
        axes.plot(*_rates(run, "asked", 2.0), linewidth=1, label="asked")
        axes.plot(*_rates(run, "failed", 2.0), linewidth=1, label="failed")
        axes.axvspan(begin, end, color="0.92", zorder=0)
        axes.set(title=way.title, xlim=(begin - 30, end + 60))
    rows.flat[0].legend(fontsize=7)
    figure.supylabel("requests a second, slow service that returns weak")
    return figure


def _metastable(plt: Any, runs: Runs, _: Sequence[Figures]) -> Any:
    figure, axes = plt.subplots(figsize=(9, 2.8))
    for way in TIGHT:
        axes.plot(*_rates(runs[way.name], "asked", 5.0), linewidth=1, label=way.title)
    job, _recording = runs["tight"]
    capacity = job.fleet.workers / job.fleet.capacity.mean
    axes.axhline(capacity, color="0.4", linestyle=":", label="what the service can do")
    begin, end = outage(job.day, "slow")
    axes.axvspan(begin, end, color="0.92", zorder=0)
    axes.set(xlabel="seconds", ylabel="requests a second", xlim=(job.day.warm_until, job.day.until))
    _legend(axes)
    return figure


def _jitter(plt: Any, runs: Runs, _: Sequence[Figures]) -> Any:
    figure, rows = plt.subplots(1, 2, figsize=(9, 2.4), sharey=True)
    for axes, way in zip(rows, (WAYS[1], OFF[1]), strict=True):
        axes.plot(*_rates(runs[way.name + FRONT], "asked", BinnedCount.BIN), linewidth=0.8)
        axes.set(title="with jitter" if way is WAYS[1] else way.title, xlabel="seconds")
    rows[0].set_ylabel("requests a second")
    return figure


def _ages(plt: Any, _: Runs, found: Sequence[Figures]) -> Any:
    figure, axes = plt.subplots(figsize=(6, 2.4))
    shown = [figures for figures in found if figures.way in {way.name for way in WAYS}]
    for offset, which in enumerate(("p50", "p99", "max")):
        places = [n + 0.25 * (offset - 1) for n in range(len(shown))]
        heights = [getattr(figures, f"age_{which}") for figures in shown]
        axes.bar(places, heights, width=0.25, label=which)
    axes.set_xticks(range(len(shown)), [f.title for f in shown], fontsize=6)
    axes.set(yscale="log", ylabel="age in seconds")
    axes.legend(fontsize=7)
    return figure


def _legend(axes: Any) -> None:
    # Above the names of the scenes: it must hide nothing.
    axes.legend(fontsize=7, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.05))


def _scenes(axes: Any) -> None:
    for scene in the_day().scenes:
        axes.axvspan(scene.begins, scene.ends, color="0.92", zorder=0)
        axes.text(scene.begins, axes.get_ylim()[1], scene.name, fontsize=7, va="bottom")
    axes.set_xlim(the_day().warm_until, the_day().until)


def _rates(run: tuple[Job, Recording], kind: str, every: float) -> tuple[list[float], list[float]]:
    """Moments, and what there was of `kind` in a second, of the whole fleet."""
    job, recording = run
    bins: list[int] = getattr(recording, kind)
    step = round(every / BinnedCount.BIN)
    starts = range(0, len(bins) - step, step)
    rates = [sum(bins[start : start + step]) / every * job.fleet.sample for start in starts]
    return [start * BinnedCount.BIN for start in starts], rates
