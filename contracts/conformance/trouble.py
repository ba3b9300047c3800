"""The troubles that a harness can cause behind the adapter."""

from enum import Enum

SLOW_BY = 0.15
"""Seconds by which `Trouble.SLOW` holds an answer back."""


class Trouble(Enum):
    """What goes wrong between the adapter and what it talks to, for every request."""

    UNREACHABLE = "unreachable"
    """Nobody answers, at once: a refused or broken connection, a missing file. Nothing is done."""
    OVERLOADED = "overloaded"
    """It asks for patience, and says how many seconds of it. Nothing is done."""
    GARBAGE = "garbage"
    """It answers what no contract allows. A write may have been carried out."""
    ANSWER_LOST = "answer lost"
    """It does what it is asked, and the answer breaks off on its way back."""
    HANG = "hang"
    """It takes the request and never answers. Nothing is done."""
    SLOW = "slow"
    """It makes the right answer at once, and holds it back for `SLOW_BY` seconds."""


FAILING = frozenset(Trouble) - {Trouble.SLOW}
"""Those that cost the answer."""
QUICK = FAILING - {Trouble.HANG}
"""Those that cost the answer without waiting for a deadline."""
