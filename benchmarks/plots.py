"""The plots of docs/performance.md."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl

mpl.use("svg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.outcome import Row

mpl.rcParams["svg.hashsalt"] = "shelfport"  # the same plot is the same file
mpl.rcParams["svg.fonttype"] = "none"
mpl.rcParams["font.size"] = 8

_CONTESTANTS = ("floor", "bare", "shelfport", "U1", "U2")


def draw(rows: Sequence[Row], folder: Path) -> None:
    """Write `beside.svg`, the contestants' times, and `growth.svg`, how cost grows, if measured."""
    beside = [row for row in rows if len(_ours(row)) > 2]
    if beside:
        figure, axes = plt.subplots(1, len(beside), figsize=(2 * len(beside), 2.4))
        for row, axis in zip(beside, axes if len(beside) > 1 else [axes], strict=True):
            _bars(row, axis)
        _save(figure, folder / "beside.svg")
    curves = [(row.key, name, curve) for row in rows for name, curve in row.growth.items()]
    if curves:
        figure, axes = plt.subplots(1, len(curves), figsize=(3.5 * len(curves), 2.4))
        for (key, name, curve), axis in zip(
            curves, axes if len(curves) > 1 else [axes], strict=True
        ):
            sizes = [int(size) for size in curve]
            axis.plot(sizes, [seconds * 1e6 for seconds in curve.values()], marker="o")
            axis.set(xscale="log", ylim=(0, None), title=f"{key}: µ{name}")
        _save(figure, folder / "growth.svg")


def _ours(row: Row) -> dict[str, float]:
    return {who: row.times[who].median for who in _CONTESTANTS if who in row.times}


def _bars(row: Row, axis: Axes) -> None:
    medians = _ours(row)
    least = next(iter(medians.values()))
    bars = axis.bar(
        list(medians),
        [value / least for value in medians.values()],
        yerr=[
            [(row.times[who].median - row.times[who].p10) / least for who in medians],
            [(row.times[who].p90 - row.times[who].median) / least for who in medians],
        ],
        color=["tab:green" if who == "shelfport" else "lightgray" for who in medians],
        ecolor="gray",
    )
    axis.bar_label(bars, fmt="%.3g×", fontsize=6)
    axis.set(yscale="log", title=row.key)
    axis.tick_params(axis="x", rotation=60)


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)
