"""Prints the table, and writes it to the page."""

from collections.abc import Iterable, Iterator

from benchmarks.measuring import Spread
from benchmarks.outcome import Goal, Row

_BEGIN, _END = "<!-- table: begin -->", "<!-- table: end -->"
_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


def seconds(value: float) -> str:
    """A time in the unit that suits it."""
    for size, unit in _UNITS:
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.3g} s"


def figure(spread: Spread) -> str:
    """A ratio or a count, with its noise if it has any."""
    if spread.p10 == spread.p90:
        return f"{spread.median:,.4g}"
    return f"{spread.median:.3g} ({spread.p10:.3g}–{spread.p90:.3g})"


def goal_line(goal: Goal) -> str:
    """The goal and the figure."""
    sign = "=" if goal.exact else "≤"
    limit = f"{goal.limit:,.4g}"
    verdict = "ok  " if goal.kept else "MISS"
    return f"{verdict}  {sign} {limit:<7} {figure(goal.found):<24} {goal.what}"


def printed(row: Row) -> Iterator[str]:
    """The lines of a row."""
    yield f"{row.key}  {row.work}"
    if row.times:
        yield "      " + ", ".join(f"{who} {seconds(t.median)}" for who, t in row.times.items())
    for goal in row.goals:
        yield f"      {goal_line(goal)}"
    for note in row.notes:
        yield f"      {note}"


def markdown(rows: Iterable[Row]) -> str:
    """The table for the documents."""
    lines = ["| # | work | goal, at most | found (p10–p90) | |", "|---|---|---|---|---|"]
    for row in rows:
        first = True
        for goal in row.goals:
            work = f"{row.key} | {row.work}" if first else " | "
            verdict = "" if goal.kept else "**MISS**"
            exactly = "exactly " if goal.exact else ""
            lines.append(f"| {work} | {exactly}{goal.what} | {figure(goal.found)} | {verdict} |")
            first = False
    return "\n".join(lines) + "\n"


def renewed(page: str, rows: Iterable[Row]) -> str:
    """`page` with a new table between its two marks.

    Raises:
        ValueError: it has no such marks.
    """
    before, _, rest = page.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not end:
        raise ValueError(f"the page has no {_BEGIN} and {_END} to put the table between")
    return f"{before}{_BEGIN}\n{markdown(rows)}{end}{after}"
