"""Runs the body of a case: in an event loop of its own, and not for ever."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

CASE_TIMEOUT = 60.0
"""Seconds after which a case that hangs fails."""

T = TypeVar("T")
Done = Coroutine[Any, Any, None]


def run_case(body: Done) -> None:
    """Run `body` to its end; fail if it takes longer than `CASE_TIMEOUT`."""

    async def bounded() -> None:
        try:
            async with asyncio.timeout(CASE_TIMEOUT) as timeout:
                await body
        except TimeoutError as error:
            if not timeout.expired():
                raise
            raise AssertionError(f"the case did not end within {CASE_TIMEOUT:g} s") from error

    asyncio.run(bounded())


async def in_another_loop(body: Done) -> None:
    """Run `body` to its end in an event loop of its own, as `run_case` does, in another thread.

    The loop of the case goes on meanwhile: servers of the harness answer.
    """
    await asyncio.to_thread(run_case, body)


def named_after(body: Any, test: T) -> T:
    """`test` under the name and the docstring of `body`.

    Not functools.wraps: through `__wrapped__` pytest would require the arguments of the body as
    fixtures.
    """
    for name in ("__name__", "__qualname__", "__module__", "__doc__"):
        setattr(test, name, getattr(body, name))
    return test
