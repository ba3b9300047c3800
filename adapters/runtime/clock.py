"""The system's clock: the `Clock` of every running host."""

import time
from datetime import UTC, datetime


class SystemClock:
    """UTC by the system's clock, and Python's monotonic scale, which asyncio's loops share."""

    def now(self) -> datetime:
        """The current instant in UTC."""
        return datetime.now(UTC)

    # The function itself: a method around it would cost each page a call.
    monotonic = staticmethod(time.monotonic)
    """Seconds on the scale of `time.monotonic` and of the event loop's timers."""
