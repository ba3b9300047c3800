import aiohttp
import pytest

from shelfport.adapters.demo.scenario_runner import Facts, Step, tell

World = dict[str, object]


def a_step(facts: Facts, expected: Facts) -> Step[World]:
    async def act(world: World) -> Facts:
        world["played"] = int(str(world.get("played", 0))) + 1
        return facts

    return Step(title="Look.", lesson="There is something to see.", act=act, expected=expected)


async def test_a_step_that_is_as_told_is_told_with_its_figures() -> None:
    """Facts that are expected are marked, others told as they are; the story went as told."""
    lines: list[str] = []
    as_told = await tell({}, [a_step({"seen": 3, "ms": 12}, {"seen": 3})], lines.append)

    assert as_told
    assert [
        "1. Look.",
        "   There is something to see.",
        "     seen  3  (as told)",
        "     ms    12",
        "",
        "All 1 steps went as told.",
    ] == lines


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        ({"seen": 2}, "     seen  2  NOT AS TOLD: expected 3, came 2"),
        ({}, "     seen  nothing  NOT AS TOLD: expected 3, came nothing"),
    ],
)
async def test_a_step_that_is_not_as_told_ends_the_story(facts: Facts, line: str) -> None:
    """It says what was expected and what came, and the steps after it are not played."""
    lines: list[str] = []
    world: World = {}
    steps = [a_step(facts, {"seen": 3}), a_step({}, {})]
    as_told = await tell(world, steps, lines.append)

    assert (False, {"played": 1}) == (as_told, world)
    assert [line, "", "Step 1 of 2 was not as told."] == lines[2:]


async def test_a_service_that_does_not_answer_ends_the_story() -> None:
    """A Product Service that cannot be reached is told in a line."""

    async def act(_world: World) -> Facts:
        raise aiohttp.ServerDisconnectedError

    lines: list[str] = []
    step = Step[World](title="Look.", lesson="", act=act, expected={})

    assert not await tell({}, [step], lines.append)
    assert lines[-1].startswith("   NOT AS TOLD: the Product Service did not answer")
