import asyncio

import aiohttp
import pytest

from shelfport.adapters.demo import run_demo
from shelfport.adapters.demo.environment import AddressTaken, DemoEnvironment, demo_environment
from shelfport.adapters.demo.page_snapshot import PageSnapshot, SeenBadge, read_badges
from shelfport.adapters.demo.scenario import STORY, STORY_WINDOWS, World
from shelfport.adapters.demo.scenario_runner import tell
from shelfport.contracts.sandbox import Faults, Sandbox


@pytest.mark.parametrize(
    ("faults", "step", "says"),
    [
        (Faults(mode="down"), 1, "expected 12, came 0"),
        (Faults(latency=5), 1, "expected 12, came 0"),
        (Faults(mode="garbage"), 1, "expected 12, came 0"),
        (Faults(mode="timeout_after_write"), 2, "expected 1, came 2"),
    ],
    ids=lambda value: f"{value.mode} {value.latency:g}" if isinstance(value, Faults) else None,
)
async def test_a_broken_service_is_noticed(faults: Faults, step: int, says: str) -> None:
    """With a fault that the story does not know of, the step that meets it is not as told."""
    lines: list[str] = []
    async with demo_environment(STORY_WINDOWS) as stage, aiohttp.ClientSession() as session:
        stage.sandbox.faults = faults
        as_told = await tell(World(stage, session), STORY, lines.append)

    assert (as_told, lines[-1]) == (False, f"Step {step} of 10 was not as told.")
    assert any(says in line for line in lines)


class _Greedy(World):
    """A world in which somebody else asks the Inventory Service while the page does."""

    async def look(self) -> PageSnapshot:
        seen, _ = await asyncio.gather(
            super().look(), self.session.get(f"{self.stage.sandbox.url}/inventory")
        )
        return seen


async def test_one_request_too_many_is_noticed() -> None:
    """Requests are counted where they arrive: one more than told is found out."""
    lines: list[str] = []
    async with demo_environment(STORY_WINDOWS) as stage, aiohttp.ClientSession() as session:
        as_told = await tell(_Greedy(stage, session), STORY, lines.append)

    assert (False, "Step 1 of 10 was not as told.") == (as_told, lines[-1])
    assert any("expected 1, came 2" in line for line in lines)


async def test_the_demo_ends_when_told() -> None:
    """`run_demo` says where both services are, and has closed them when it returns."""
    stop, lines = asyncio.Event(), list[str]()
    demo = asyncio.create_task(run_demo(stop, lines.append))
    while len(lines) < 3 and not demo.done():  # noqa: ASYNC110 - lines come without an event
        await asyncio.sleep(0.01)
    url = lines[0].split()[-1]
    async with aiohttp.ClientSession() as session:
        async with session.get(url) as response:
            status = response.status
        stop.set()
        await demo
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.get(url)

    assert 200 == status


async def test_a_taken_port_is_one_sentence() -> None:
    """The Product Service's port being taken is an error that names the address."""
    async with Sandbox() as other:
        port = int(other.url.rpartition(":")[2])
        with pytest.raises(AddressTaken, match=f"cannot listen on 127.0.0.1:{port}: "):
            async with demo_environment(STORY_WINDOWS, port=port):
                pass


def test_badges_are_read_off_a_page() -> None:
    """What a badge says is read with its kind, freshness and caveat, entities resolved."""
    html = (
        '<td><span class="badge in-stock" data-stock="in-stock" data-freshness="stale">In&amp;stock'
        '</span><span class="caveat">as of 2 min ago</span></td><td><span class="badge unavailable"'
        ' data-stock="unavailable" data-freshness="none">Stock information unavailable</span></td>'
    )
    first, second = read_badges(html)

    assert SeenBadge("in-stock", "stale", "In&stock", "as of 2 min ago") == first
    assert (True, False) == (first.says_its_age, first.says_nothing_is_known)
    assert (False, True) == (second.says_its_age, second.says_nothing_is_known)


class _Deaf(World):
    """A world in which no event arrives."""

    def __init__(self, stage: DemoEnvironment, session: aiohttp.ClientSession) -> None:
        super().__init__(stage, session)
        stage.sandbox._announcements._queue.put_nowait = lambda _event: None  # type: ignore[method-assign, assignment]  # that is the fault


async def test_an_event_that_does_not_come_is_noticed() -> None:
    """Without the event the badge turns only when the page asks, and that is not as told."""
    lines: list[str] = []
    async with demo_environment(STORY_WINDOWS) as stage, aiohttp.ClientSession() as session:
        as_told = await tell(_Deaf(stage, session), STORY[:1] + STORY[3:4], lines.append)

    assert (False, "Step 2 of 2 was not as told.") == (as_told, lines[-1])
    assert any("the page knows it from" in line and "NOT AS TOLD" in line for line in lines)
