"""Formatting of numbers, durations and instants for people."""

import math
from datetime import UTC, datetime


def format_age(seconds: float) -> str:
    """An age in one unit, rounded up, so that it is never understated."""
    whole = max(1, math.ceil(seconds))
    if whole < 120:
        return f"{whole} s"
    minutes = math.ceil(whole / 60)
    if minutes < 120:
        return f"{minutes} min"
    hours = math.ceil(minutes / 60)
    return f"{hours} h" if hours < 48 else f"{math.ceil(hours / 24)} d"


def format_duration(seconds: float | None) -> str:
    """A duration with three significant digits: 850 µs, 12 ms, 1.5 s."""
    if seconds is None:
        return "–"
    if seconds < 0.001:
        return f"{seconds * 1e6:.0f} µs"
    if seconds < 1:
        return f"{seconds * 1000:.3g} ms"
    return f"{seconds:.3g} s"


def format_count(number: float) -> str:
    """A count with thin spaces between thousands; a rate below ten with a decimal."""
    if number < 10 and number != int(number):
        return f"{number:.1f}"
    return f"{number:,.0f}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def clock_time(instant: datetime) -> str:
    """The time of day in UTC, to the second."""
    return f"{instant.astimezone(UTC):%H:%M:%S}"


def iso(instant: datetime) -> str:
    """The value of the attribute `datetime` of `<time>`."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds")
