"""Several listeners in the place of one, each with its bugs to itself."""

import logging

import attrs

from shelfport.ports import Listener
from shelfport.ports.signals import Signal

logger = logging.getLogger("shelfport.signals")


@attrs.frozen(eq=False)
class Listeners:
    """Tells each of `all`, in order.

    What one raises is logged, and costs neither another its signal nor a caller an answer.
    """

    all: tuple[Listener, ...]

    def __call__(self, signal: Signal, /) -> None:
        """Pass `signal` on."""
        for listener in self.all:
            try:
                listener(signal)
            except Exception:
                logger.exception(
                    "the listener %r failed: this is its bug",
                    listener,
                    extra={"event": "inventory.listener_fault", "signal": type(signal).__name__},
                )
