"""The rows of the table of signals that are about what answers say."""

import logging
from typing import Final

from shelfport.adapters.observability.counters import (
    ABSENCES_DOUBTED,
    ANSWERS_REPAIRED,
    READINGS_HELD_BACK,
)
from shelfport.adapters.observability.signal_row import Measure, Severity, SignalRow
from shelfport.ports.signals import (
    AbsenceDoubted,
    AnswerRepaired,
    ClockSkewed,
    ReadingsHeldBack,
)

ANSWER_REPAIRED: Final = SignalRow[AnswerRepaired](
    event="inventory.repaired",
    level=logging.WARNING,
    sampled_by=lambda s: s.member,
    kind="answer repaired",
    severity=Severity.NOTE,
    sentence=(
        "%(member)s breaks the contract in %(elements)d elements of an answer, which were read all "
        "the same: %(detail)s"
    ),
    fields=lambda s: {
        "member": s.member,
        "elements": s.elements,
        "detail": s.example,
        "correlation_id": s.correlation_id,
    },
    measure=Measure(
        ANSWERS_REPAIRED, lambda s: {"shelfport.member": s.member}, lambda s: s.elements
    ),
    on_span=True,
)
CLOCK_SKEWED: Final = SignalRow[ClockSkewed](
    event="inventory.clock",
    level=logging.WARNING,
    sampled_by=lambda _: "clock",
    kind="clocks differ",
    severity=Severity.NOTE,
    sentence=lambda s: (
        "the clock of the Inventory Service is %(seconds).0f s "
        f"{'ahead of' if s.seconds > 0 else 'behind'} this host's: set the one that is wrong"
    ),
    fields=lambda s: {"seconds": abs(s.seconds)},
)
READINGS_HELD_BACK_ROW: Final = SignalRow[ReadingsHeldBack](
    event="inventory.held_back",
    level=logging.WARNING,
    sampled_by=lambda _: "held back",
    kind="readings held back",
    severity=Severity.NOTE,
    sentence=(
        "%(variants)d readings are older than the known ones by the service's own updatedAt: the "
        "known ones are kept for one ttl more"
    ),
    fields=lambda s: {"variants": s.variants},
    measure=Measure(READINGS_HELD_BACK, lambda _: {}, lambda s: s.variants),
)
ABSENCE_DOUBTED: Final = SignalRow[AbsenceDoubted](
    event="inventory.absence",
    level=logging.WARNING,
    sampled_by=lambda _: "absence",
    kind="absence not believed",
    severity=Severity.NOTE,
    sentence=(
        "an answer lacks %(variants)d variants whose stock is known; one of them, asked for alone, "
        "did not turn out to be unknown, so none is believed to be"
    ),
    fields=lambda s: {"variants": s.variants, "correlation_id": s.correlation_id},
    measure=Measure(ABSENCES_DOUBTED, lambda _: {}, lambda s: s.variants),
    on_span=True,
)
