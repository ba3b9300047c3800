"""Trying again: the same pauses for handling an event, for a last word, and for the bus itself."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

import attrs

from shelfport.adapters.events.options import EventOptions
from shelfport.adapters.runtime.request_context import current_id
from shelfport.domain.model.text import one_line

logger = logging.getLogger("shelfport.events")


@attrs.frozen
class HandlerRetry:
    """Repeats what fails: a bounded number of times, with exponential pauses and full jitter."""

    options: EventOptions
    uniform: Callable[[float, float], float] = random.uniform

    async def run(self, work: Callable[[], Awaitable[None]], failed: Callable[[], None]) -> None:
        """Run `work` until it succeeds; `failed` is called before each repetition.

        Raises:
            Exception: what the last attempt raised; `TimeoutError` if it took too long.
        """
        for attempt in range(1, self.options.max_attempts):
            try:
                await self._once(work)
            except Exception as error:
                logger.debug(
                    "attempt %d failed and will be repeated",
                    attempt,
                    exc_info=error,
                    extra={
                        "event": "inventory.event_retry",
                        "attempt": attempt,
                        "correlation_id": current_id(),
                    },
                )
                failed()
                await asyncio.sleep(self.pause(attempt))
            else:
                return
        await self._once(work)

    def pause(self, failures: int) -> float:
        """How long to wait after so many failures in a row, in seconds."""
        doubled = self.options.base_delay * 2.0 ** min(failures - 1, 30)
        return self.uniform(0.0, min(self.options.max_delay, doubled))

    async def _once(self, work: Callable[[], Awaitable[None]]) -> None:
        async with asyncio.timeout(self.options.attempt_timeout):
            await work()


def in_a_sentence(error: BaseException) -> str:
    """What went wrong, fit for a log, a snapshot or a dead letter."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    text = one_line(str(error))[:300]
    name = type(error).__name__
    return f"{name}: {text}" if text else name
