"""A listener that records signals."""

from typing import TypeVar

from shelfport.signals import Signal

SignalT = TypeVar("SignalT")


class Heard:
    """Keeps every signal, in order."""

    def __init__(self) -> None:
        self.signals: list[Signal] = []

    def __call__(self, signal: Signal, /) -> None:
        self.signals.append(signal)

    def of(self, kind: type[SignalT]) -> list[SignalT]:
        """Those of one kind."""
        return [signal for signal in self.signals if isinstance(signal, kind)]


def midway(low: float, high: float) -> float:
    """Replaces `random.uniform`: the middle, so that a test knows the result."""
    return (low + high) / 2


def lowest(low: float, high: float) -> float:
    """Replaces `random.uniform`: no jitter."""
    return low
