"""`EXAMPLES`: those of tests/support, and the conformance suite's of `BatchShrunk`."""

from shelfport.contracts.conformance.telemetry.examples import SIGNALS, TOO_LONG
from shelfport.signals import BatchShrunk, Signal
from tests.support.signals import EXAMPLES as OF_OTHERS

__all__ = ["EXAMPLES", "TOO_LONG"]

EXAMPLES: tuple[Signal, ...] = (
    *OF_OTHERS,
    *(signal for signal in SIGNALS if isinstance(signal, BatchShrunk)),
)
