"""`raises`: whether a call raises, without a word about which error."""

from collections.abc import Awaitable


async def raises(waiting: Awaitable[object]) -> bool:
    """Whether `waiting` raises an exception; cancellation is none."""
    try:
        await waiting
    except Exception:
        return True
    return False
