import asyncio

import aiohttp
import pytest

from shelfport.adapters.demo import run_demo
from shelfport.adapters.demo.environment import AddressTaken, DemoEnvironment, demo_environment
from shelfport.adapters.demo.page_snapshot import PageBadge, PageSnapshot, read_badges
from shelfport.adapters.demo.scenario import SCENARIO, SCENARIO_WINDOWS, World
from shelfport.adapters.demo.scenario_runner import play
from shelfport.contracts.sandbox import Faults, Sandbox


@pytest.mark.parametrize(
    ("faults", "step", "says"),
    [
        (Faults(mode="down"), 1, "expected 12, got 0"),
        (Faults(latency=5), 1, "expected 12, got 0"),
        (Faults(mode="garbage"), 1, "expected 12, got 0"),
        (Faults(mode="timeout_after_write"), 2, "expected 1, got 2"),
    ],
    ids=lambda value: f"{value.mode} {value.latency:g}" if isinstance(value, Faults) else None,
)
async def test_a_broken_service_is_noticed(faults: Faults, step: int, says: str) -> None:
    """A fault that is not part of the scenario fails the step that meets it."""
    lines: list[str] = []
    async with (
        demo_environment(SCENARIO_WINDOWS) as environment,
        aiohttp.ClientSession() as session,
    ):
        environment.sandbox.faults = faults
        passed = await play(World(environment, session), SCENARIO, lines.append)

    assert (passed, lines[-1]) == (False, f"Step {step} of 10 did not go as expected.")
    assert any(says in line for line in lines)


class _Greedy(World):
    """A world with one more request to the Inventory Service for each page."""

    async def fetch(self) -> PageSnapshot:
        seen, _ = await asyncio.gather(
            super().fetch(), self.session.get(f"{self.environment.sandbox.url}/inventory")
        )
        return seen


async def test_one_request_too_many_is_noticed() -> None:
    """Requests are counted where they arrive: one request too many fails the step."""
    lines: list[str] = []
    async with (
        demo_environment(SCENARIO_WINDOWS) as environment,
        aiohttp.ClientSession() as session,
    ):
        passed = await play(_Greedy(environment, session), SCENARIO, lines.append)

    assert (False, "Step 1 of 10 did not go as expected.") == (passed, lines[-1])
    assert any("expected 1, got 2" in line for line in lines)


async def test_the_demo_ends_when_stopped() -> None:
    """`run_demo` prints the addresses of both services, and closes them before it returns."""
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
            async with demo_environment(SCENARIO_WINDOWS, port=port):
                pass


def test_badges_are_read_from_a_page() -> None:
    """A badge is read with its kind, freshness, text and caveat, entities resolved."""
    html = (
        '<td><span class="badge in-stock" data-stock="in-stock" data-freshness="stale">In&amp;stock'
        '</span><span class="caveat">as of 2 min ago</span></td><td><span class="badge unavailable"'
        ' data-stock="unavailable" data-freshness="none">Stock information unavailable</span></td>'
    )
    first, second = read_badges(html)

    assert PageBadge("in-stock", "stale", "In&stock", "as of 2 min ago") == first
    assert (True, False) == (first.has_age, first.is_unavailable)
    assert (False, True) == (second.has_age, second.is_unavailable)


class _Deaf(World):
    """A world in which no event arrives."""

    def __init__(self, environment: DemoEnvironment, session: aiohttp.ClientSession) -> None:
        super().__init__(environment, session)
        environment.sandbox._events._queue.put_nowait = lambda _event: None  # type: ignore[method-assign, assignment]  # that is the fault


async def test_an_event_that_does_not_come_is_noticed() -> None:
    """Without the event the badge changes only with a request, which fails the step."""
    lines: list[str] = []
    async with (
        demo_environment(SCENARIO_WINDOWS) as environment,
        aiohttp.ClientSession() as session,
    ):
        passed = await play(_Deaf(environment, session), SCENARIO[:1] + SCENARIO[3:4], lines.append)

    assert (False, "Step 2 of 2 did not go as expected.") == (passed, lines[-1])
    assert any("source of the reading" in line and "NOT AS EXPECTED" in line for line in lines)
