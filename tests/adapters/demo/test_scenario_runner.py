import aiohttp
import pytest

from shelfport.adapters.demo.scenario_runner import Facts, Step, play

World = dict[str, object]


def a_step(facts: Facts, expected: Facts) -> Step[World]:
    async def act(world: World) -> Facts:
        world["played"] = int(str(world.get("played", 0))) + 1
        return facts

    return Step(title="View.", lesson="There is something to see.", act=act, expected=expected)


async def test_an_expected_step_is_printed_with_its_figures() -> None:
    """Expected facts are marked, other facts are printed as figures."""
    lines: list[str] = []
    passed = await play({}, [a_step({"seen": 3, "ms": 12}, {"seen": 3})], lines.append)

    assert passed
    assert [
        "1. View.",
        "   There is something to see.",
        "     seen  3  (as expected)",
        "     ms    12",
        "",
        "All 1 steps went as expected.",
    ] == lines


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        ({"seen": 2}, "     seen  2  NOT AS EXPECTED: expected 3, got 2"),
        ({}, "     seen  nothing  NOT AS EXPECTED: expected 3, got nothing"),
    ],
)
async def test_an_unexpected_fact_ends_the_scenario(facts: Facts, line: str) -> None:
    """An unexpected fact is printed with the expected one, and the steps after it are not run."""
    lines: list[str] = []
    world: World = {}
    steps = [a_step(facts, {"seen": 3}), a_step({}, {})]
    passed = await play(world, steps, lines.append)

    assert (False, {"played": 1}) == (passed, world)
    assert [line, "", "Step 1 of 2 did not go as expected."] == lines[2:]


async def test_a_service_that_does_not_answer_ends_the_scenario() -> None:
    """A Product Service that does not answer is one line."""

    async def act(_world: World) -> Facts:
        raise aiohttp.ServerDisconnectedError

    lines: list[str] = []
    step = Step[World](title="View.", lesson="", act=act, expected={})

    assert not await play({}, [step], lines.append)
    assert lines[-1].startswith("   NOT AS EXPECTED: the Product Service did not answer")
