"""`HandlerRetry`: repeats a failed handler, with exponential back-off."""

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
    """Repeats a failed handler up to `max_attempts` times; the delays have full jitter."""

    options: EventOptions
    uniform: Callable[[float, float], float] = random.uniform

    async def run(self, handler: Callable[[], Awaitable[None]], failed: Callable[[], None]) -> None:
        """Run `handler` until it succeeds; `failed` is called before each repetition.

        Raises:
            Exception: the error of the last attempt; `TimeoutError` if it took too long.
        """
        for attempt in range(1, self.options.max_attempts):
            try:
                await self._attempt(handler)
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
                await asyncio.sleep(self.delay(attempt))
            else:
                return
        await self._attempt(handler)

    def delay(self, failures: int) -> float:
        """The delay after so many failures in a row, in seconds."""
        return self.options.backoff().delay(failures, self.uniform(0.0, 1.0))

    async def _attempt(self, handler: Callable[[], Awaitable[None]]) -> None:
        async with asyncio.timeout(self.options.attempt_timeout):
            await handler()


def in_a_sentence(error: BaseException) -> str:
    """The error on one line, for a log, a snapshot or a dead letter."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    text = one_line(str(error))[:300]
    name = type(error).__name__
    return f"{name}: {text}" if text else name
