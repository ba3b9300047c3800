"""What holds for every test: no stray event loop, figures at the end, and servers or the reason."""

import asyncio
import os

import pytest

from tests.support.figures import FIGURES, Report
from tests.support.services import Service, address_of

_WAITING = (
    "tests/services/",
    "tests/contracts/conformance/",
    "tests/durability/",
    "tests/faults/",
    "tests/hosts/",
    "tests/browser/",
)


def pytest_configure() -> None:
    # On Python 3.11 pytest-asyncio asks for "the current loop" before the first test, which makes
    # one that nobody closes. Saying that there is none keeps it from being made.
    asyncio.set_event_loop(None)
    # Of the processes that tests start, nearly only imports would be measured, at a quarter of the
    # run's time. The tests' own processes, which the first one starts, have begun to measure.
    if "PYTEST_XDIST_WORKER" in os.environ:
        os.environ.pop("COVERAGE_PROCESS_CONFIG", None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Virtual time goes on as soon as nothing is left to do, not 42 idle turns of the loop later.

    Those are for other libraries' loops. asyncio asks to wait only when no callback is ready.
    """
    for item in items:
        if item.get_closest_marker("looptime") is not None:
            item.add_marker(pytest.mark.looptime(noop_cycles=0))
    # Tests that wait for servers and processes come first: side by side with others they cost
    # nothing, and at the end of the run there would be no other test beside them.
    items.sort(key=lambda item: not item.nodeid.startswith(_WAITING))


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Report:
    """Takes a line with a figure, shown in the summary under the test's name."""
    name = request.node.name

    def tell(line: str) -> None:
        request.config.stash.setdefault(FIGURES, []).append(f"{name}: {line}")

    return tell


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    figures = terminalreporter.config.stash.get(FIGURES, [])
    if figures:
        terminalreporter.section("figures")
        for line in figures:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def postgres_url() -> str:
    """A real PostgreSQL, or a skip with the reason."""
    return address_of(Service.POSTGRES)


@pytest.fixture(scope="session")
def redis_url() -> str:
    """A real Redis, or a skip with the reason."""
    return address_of(Service.REDIS)


@pytest.fixture(scope="session")
def rabbitmq_url() -> str:
    """A real RabbitMQ, or a skip with the reason."""
    return address_of(Service.RABBITMQ)


@pytest.fixture(scope="session")
def nats_url() -> str:
    """A real NATS with JetStream, or a skip with the reason."""
    return address_of(Service.NATS)
