"""`Backoff`: how long to wait between two attempts, exponentially longer each time."""

import attrs

_MOST_DOUBLINGS = 100
"""Keeps the power within what a float holds; every bound is `max_delay` long before."""


@attrs.frozen
class Backoff:
    """Exponential back-off with jitter, as in the Amazon Builders' Library.

    Callers that failed together do not come back together: each draws its own share of the bound.
    A share between 0 and 1 is full jitter; a share between 0.5 and 1 keeps a minimum pause.

    Raises:
        ValueError: `base_delay` is above `max_delay`.
    """

    base_delay: float
    """The bound of the delay after the first attempt, in seconds; it doubles with each attempt."""
    max_delay: float
    """The bound does not grow beyond this, in seconds."""

    def __attrs_post_init__(self) -> None:
        if self.base_delay > self.max_delay:
            raise ValueError(
                f"base_delay is {self.base_delay:g}: it must be at most max_delay "
                f"({self.max_delay:g} seconds)"
            )

    def bound(self, attempt: int) -> float:
        """The longest delay after `attempt`, which is counted from 1, in seconds."""
        doublings = min(max(attempt - 1, 0), _MOST_DOUBLINGS)
        return min(self.max_delay, self.base_delay * 2.0**doublings)

    def delay(self, attempt: int, share: float, retry_after: float | None = None) -> float:
        """The delay after `attempt`, in seconds.

        Args:
            attempt: the attempt that failed, counted from 1.
            share: the share of the bound that is waited, drawn at random between 0 and 1.
            retry_after: the seconds that the service asked for (`Retry-After`); added to the rest.
        """
        return (retry_after or 0.0) + share * self.bound(attempt)
