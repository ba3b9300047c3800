"""The port to whoever wants to know what the layers do."""

from typing import Protocol

from shelfport.domain.model.signals import Signal


class Listener(Protocol):
    """Takes the layers' signals; a plain function will do.

    It is called in the middle of somebody's request: it must be quick, must not block, and must
    not raise.
    """

    def __call__(self, signal: Signal, /) -> None:
        """Take note of `signal`."""
        ...
