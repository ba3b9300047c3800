"""Figures that fault tests measure are shown at the end of the run, whatever its verbosity."""

import logging
from collections.abc import Callable

import pytest

Report = Callable[[str], None]
FIGURES = pytest.StashKey[list[str]]()


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Report:
    """Takes a line with a figure, shown in the summary under the test's name."""
    name = request.node.name

    def tell(line: str) -> None:
        request.config.stash.setdefault(FIGURES, []).append(f"{name}: {line}")

    return tell


@pytest.fixture
def unlogged(caplog: pytest.LogCaptureFixture) -> None:
    """No records: pytest would keep those of 10,000 calls, with all that their errors refer to."""
    caplog.set_level(logging.CRITICAL + 1, "shelfport")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    figures = terminalreporter.config.stash.get(FIGURES, [])
    if figures:
        terminalreporter.section("figures")
        for line in figures:
            terminalreporter.write_line(line)
