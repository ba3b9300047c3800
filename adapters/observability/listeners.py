"""`Listeners`: several listeners as one, isolated from each other's bugs."""

import logging

import attrs

from shelfport.ports import Listener
from shelfport.ports.signals import Signal

logger = logging.getLogger("shelfport.signals")


@attrs.frozen(eq=False)
class Listeners:
    """Passes each signal to each of `all`, in order.

    An exception of one listener is logged; the others still get the signal.
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
