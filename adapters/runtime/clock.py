"""`SystemClock`: the system's clock."""

import time
from datetime import UTC, datetime


class SystemClock:
    """The system's time in UTC, and Python's monotonic scale, which asyncio uses, too."""

    def now(self) -> datetime:
        """The current instant in UTC."""
        return datetime.now(UTC)

    # The function itself: a method around it would add a call to each page.
    monotonic = staticmethod(time.monotonic)
    """Seconds on the scale of `time.monotonic` and of the event loop's timers."""
