import asyncio

import pytest

from benchmarks.measuring import Spread, Times, in_turns
from benchmarks.outcome import Goal, Row
from benchmarks.report import markdown, printed


def test_ratios_are_of_the_same_round() -> None:
    """What slows a whole round leaves its ratio alone: the machine is not the contestant."""
    times = Times({"floor": [1.0, 10.0, 1.0], "ours": [2.0, 20.0, 2.0]})

    assert Spread(2.0, 2.0, 2.0) == times.ratio("ours", "floor")


def test_spread() -> None:
    """A spread is the median, with the tenth and the ninetieth percentile."""
    assert Spread(50.0, 10.0, 90.0) == Spread.of([float(value) for value in range(101)])


async def test_turns() -> None:
    """The first contestant of a round is the last of the next; the first round does not count."""
    calls: list[str] = []

    async def work(name: str) -> None:
        calls.append(name)
        await asyncio.sleep(0)

    times = await in_turns({"a": lambda: work("a"), "b": lambda: work("b")}, rounds=2, pieces=1)

    assert ["a", "b", "b", "a", "a", "b"] == calls
    assert [2, 2] == [len(rounds) for rounds in times.rounds.values()]


async def test_preparation_is_not_counted() -> None:
    """What a contestant needs done before each round takes none of its time."""
    seconds = 0.05

    async def nothing() -> None:
        """As little work as there is."""

    times = await in_turns(
        {"a": nothing}, rounds=2, pieces=1, before={"a": lambda: asyncio.sleep(seconds)}
    )

    assert min(times.rounds["a"]) < seconds


@pytest.mark.parametrize(
    ("found", "exact", "kept"),
    [(2.0, False, True), (2.1, False, False), (1.9, False, True), (1.9, True, False)],
)
def test_a_goal(found: float, exact: bool, kept: bool) -> None:
    """The median decides: at most the limit, or the limit itself."""
    goal = Goal("twice", 2.0, Spread(found, 0.0, 99.0), exact=exact)

    assert kept == goal.kept


def test_a_miss_is_printed_and_written() -> None:
    """A goal that is missed says so, in the terminal and in the table; its row is not kept."""
    good, bad = Goal("1 × it", 1.0, Spread.of([0.5])), Goal("2 × it", 2.0, Spread.of([2.5]))
    row = Row("P0", "nothing", [good, bad])

    assert not row.kept
    assert [False, True] == ["MISS" in line for line in list(printed(row))[1:]]
    assert [False, True] == ["MISS" in line for line in markdown([row]).splitlines()[2:]]
