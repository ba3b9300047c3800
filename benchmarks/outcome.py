"""The results of a row of the benchmarks, and its goals."""

from collections.abc import Mapping

import attrs

from benchmarks.measuring import Spread


@attrs.frozen
class Goal:
    """One figure and its limit."""

    what: str
    """In words: "1.5 × bare"."""
    limit: float
    found: Spread
    exact: bool = False
    """Whether the figure must be the limit itself."""

    @property
    def kept(self) -> bool:
        """Whether the median keeps the limit."""
        return self.found.median == self.limit if self.exact else self.found.median <= self.limit


@attrs.frozen
class Row:
    """One line of the table."""

    key: str
    work: str
    goals: list[Goal]
    times: Mapping[str, Spread] = attrs.field(factory=dict)
    """Seconds for one piece of the work, by contestant."""
    notes: list[str] = attrs.field(factory=list)
    """Figures without a goal."""
    growth: Mapping[str, Mapping[str, float]] = attrs.field(factory=dict)
    """How cost grows: by curve, seconds by size."""

    @property
    def kept(self) -> bool:
        """Whether every goal is."""
        return all(goal.kept for goal in self.goals)
