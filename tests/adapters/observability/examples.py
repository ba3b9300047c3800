"""`EXAMPLES`: those of tests/support, and the conformance suite's of signals about answers."""

from shelfport.contracts.conformance.telemetry.examples import SIGNALS, TOO_LONG
from shelfport.signals import (
    AbsenceDoubted,
    AnswerRepaired,
    BatchShrunk,
    ClockSkewed,
    ReadingsHeldBack,
    Signal,
)
from tests.support.signals import EXAMPLES as OF_OTHERS

__all__ = ["EXAMPLES", "TOO_LONG"]

_ABOUT_ANSWERS = (BatchShrunk, AnswerRepaired, ClockSkewed, ReadingsHeldBack, AbsenceDoubted)

EXAMPLES: tuple[Signal, ...] = (
    *OF_OTHERS,
    *(signal for signal in SIGNALS if isinstance(signal, _ABOUT_ANSWERS)),
)
