"""Measures several contestants in turns, and compares their times."""

import gc
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from statistics import median, quantiles

import attrs

Work = Callable[[], Awaitable[object]]
"""One round of a contestant's work."""


@attrs.frozen
class Spread:
    """A figure over all rounds: its median, and the tenth and ninetieth percentile as noise."""

    median: float
    p10: float
    p90: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """The spread of `values`; of one alone, that one."""
        if len(values) < 2:
            return cls(values[0], values[0], values[0])
        tenths = quantiles(values, n=10, method="inclusive")
        return cls(median(values), tenths[0], tenths[-1])


@attrs.frozen
class Times:
    """Seconds for one piece of work: of each contestant, round by round."""

    rounds: Mapping[str, Sequence[float]]

    def of(self, name: str) -> Spread:
        """How long `name` took."""
        return Spread.of(self.rounds[name])

    def spreads(self) -> dict[str, Spread]:
        """How long each took."""
        return {name: self.of(name) for name in self.rounds}

    def ratio(self, name: str, to: str) -> Spread:
        """How much longer `name` took than `to`, round by round: a slowdown of both cancels out."""
        return Spread.of([a / b for a, b in zip(self.rounds[name], self.rounds[to], strict=True)])

    def better(self, *names: str) -> str:
        """The fastest of `names`."""
        return min(names, key=lambda name: self.of(name).median)


async def in_turns(
    works: Mapping[str, Work],
    *,
    rounds: int,
    pieces: int,
    before: Mapping[str, Work] | None = None,
) -> Times:
    """Run each work once a round, in an order that turns by one from round to round.

    Args:
        works: what to do; a first, uncounted round warms everything up.
        rounds: how often.
        pieces: how many pieces of work one call does; times are of one piece.
        before: what a contestant needs done before each round, which does not count.
    """
    times: dict[str, list[float]] = {name: [] for name in works}
    order = list(works)
    for round_ in range(-1, rounds):
        for name in order:
            # Each contestant begins without the garbage of the previous one.
            if before is not None and name in before:
                await before[name]()
            gc.collect()
            began = time.perf_counter()
            await works[name]()
            took = time.perf_counter() - began
            if round_ >= 0:
                times[name].append(took / pieces)
        order.append(order.pop(0))
    return Times(times)
