"""Compares this host's clock with the service's."""

from datetime import datetime
from math import inf

from aiohttp import hdrs
from multidict import CIMultiDictProxy

from shelfport.adapters.http.headers import MAX_DELTA_SECONDS, http_date
from shelfport.ports import Clock, Listener
from shelfport.ports.signals import ClockSkewed

MAX_CLOCK_SKEW = 60.0
"""Seconds by which two clocks may differ without a signal."""
_RESOLUTION = 1.0
"""A `Date` has whole seconds; the fraction is cut off."""
_INTERVAL = 60.0
"""Seconds between two comparisons: a date costs more to read than the rest of the headers."""


class ClockSkew:
    """Compares this host's clock with the `Date` of answers, at most once a minute.

    Args:
        clock: this host's clock.
        listener: receives `ClockSkewed`.
    """

    def __init__(self, clock: Clock, listener: Listener) -> None:
        self._clock = clock
        self._listener = listener
        self._next = -inf
        self.seconds: float | None = None
        """By how much the service's clock was ahead, at the latest comparison; negative if it was
        behind. None before the first one."""

    def compare(self, headers: CIMultiDictProxy[str], sent_at: datetime, age: float) -> None:
        """Compare the clocks by an answer that has just been received.

        Args:
            headers: the answer's.
            sent_at: when its request was sent, by this host's clock.
            age: for how long a cache on the way has kept it, in seconds.
        """
        now = self._clock.monotonic()
        if now < self._next or (text := headers.get(hdrs.DATE)) is None:
            return
        self._next = now + _INTERVAL
        date = http_date(text)
        if date is None or age >= MAX_DELTA_SECONDS:  # such an age says nothing
            return
        # In seconds: a date of the year 9999 and an age have no sum that is a date.
        theirs = date.timestamp() + age
        # The answer was made between the two, unless this host's clock was set meanwhile.
        earliest, latest = sorted((sent_at.timestamp(), self._clock.now().timestamp()))
        ahead, behind = theirs - latest, earliest - (theirs + _RESOLUTION)
        self.seconds = max(ahead, 0.0) - max(behind, 0.0)
        if abs(self.seconds) > MAX_CLOCK_SKEW:
            self._listener(ClockSkewed(self.seconds))
