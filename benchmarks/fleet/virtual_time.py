"""An event loop whose time leaps to the next timer, and the library's clock on it."""

import asyncio
import selectors
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""The instant at which a simulation begins."""


class _Leaping(selectors.SelectSelector):
    """Never waits: whatever the loop would have waited has passed."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Let `timeout` seconds pass.

        Raises:
            RuntimeError: there is no timer left: every task waits for another.
        """
        if timeout is None:
            raise RuntimeError("the simulation stands still: no timer, and nothing to do")
        if timeout > 0:
            self.seconds += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop without I/O, on which an hour takes as long as what happens in it."""

    def __init__(self) -> None:
        self._leaping = _Leaping()
        super().__init__(self._leaping)

    def time(self) -> float:
        """Seconds since the simulation began."""
        return self._leaping.seconds


class VirtualClock:
    """The library's `Clock` on the loop's scale."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.monotonic = loop.time

    def now(self) -> datetime:
        """The current instant in UTC."""
        return EPOCH + timedelta(seconds=self.monotonic())


def simulate(main: Coroutine[Any, Any, T], loop: VirtualLoop) -> T:
    """Run `main` on `loop` to its end, and close the loop."""
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(main)
