"""`SignalRow`: how one type of signal is rendered; the rows are in `signal_table`."""

import logging
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Final, Generic, TypeVar

import attrs

from shelfport.adapters.observability.metric import Labels, Metric

CALLS: Final = logging.getLogger("shelfport.calls")
SIGNALS: Final = logging.getLogger("shelfport.signals")
"""The loggers of the records. Their levels and handlers are the host's."""

SignalT = TypeVar("SignalT")

Fields = Mapping[str, object]


class Severity(Enum):
    """How much a signal matters to an operator; the value is a CSS class of the ops page."""

    ROUTINE = "routine"
    """Not in the log of the ops page; found by its correlation id."""
    GOOD = "good"
    NOTE = "note"
    BAD = "bad"


@attrs.frozen
class Measure(Generic[SignalT]):
    """What a signal adds to a counter, or records in a histogram."""

    metric: Metric
    labels: Callable[[SignalT], Labels]
    value: Callable[[SignalT], float] = lambda _: 1.0


@attrs.frozen(kw_only=True)
class SignalRow(Generic[SignalT]):
    """How one type of signal is rendered. What depends on the signal is a function of it."""

    event: str | None
    """The name of its log record; None if the sender writes a record of its own."""
    level: int | Callable[[SignalT], int] = logging.NOTSET
    logger: logging.Logger = SIGNALS
    sampled_by: Callable[[SignalT], str | None] = lambda _: None
    """The class of failure that its records are sampled by; None if each one is written."""
    kind: str | Callable[[SignalT], str]
    """What happened, in two or three words."""
    severity: Severity | Callable[[SignalT], Severity]
    sentence: str | Callable[[SignalT], str]
    """A template over the fields, as `%` takes it."""
    fields: Callable[[SignalT], Fields] = lambda _: {}
    """The `extra` of the log record, and the attributes of the span's event."""
    measure: Measure[SignalT] | None = None
    on_span: bool = False
    """Whether it is an event on the host's current span."""

    def level_of(self, signal: SignalT) -> int:
        """The level of its log record."""
        return self.level(signal) if callable(self.level) else self.level

    def kind_of(self, signal: SignalT) -> str:
        """What happened, in two or three words."""
        return self.kind(signal) if callable(self.kind) else self.kind

    def severity_of(self, signal: SignalT) -> Severity:
        """How much it matters to an operator."""
        return self.severity(signal) if callable(self.severity) else self.severity

    def template_of(self, signal: SignalT) -> str:
        """Its sentence, with the fields still to be put in."""
        return self.sentence(signal) if callable(self.sentence) else self.sentence
