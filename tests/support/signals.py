"""Examples of all signals, in every variation that the table of signals renders differently."""

from uuid import UUID

from shelfport.errors import ContractViolation, Operation, QueueFailed, TimedOut
from shelfport.outbox import DeadLetterReason, QueuedInitialization
from shelfport.ports import Call
from shelfport.signals import (
    Attempted,
    AttemptOutcome,
    BackplaneDisconnected,
    BackplaneReconnected,
    BreakerChanged,
    BreakerState,
    CallRejected,
    EventDeadLettered,
    EventHandled,
    EventOutcome,
    InitializationDeadLettered,
    InitializationDone,
    InitializationPostponed,
    InitializationQueued,
    QueueRecovered,
    QueueUnavailable,
    RefreshFailed,
    RetryBudgetExhausted,
    Retrying,
    ServedStale,
    SharedCacheDown,
    SharedCacheRecovered,
    SharedCacheWritesDropped,
    Signal,
)
from tests.support.clocks import EPOCH
from tests.support.values import LOW, an_event, an_id, an_initial_stock

LATE = TimedOut("late")
ENTRY = QueuedInitialization(
    request=an_initial_stock(an_id(1), key=UUID(int=9)),
    queued_at=EPOCH,
    correlation_id="c",
    attempts=3,
    last_error="busy",
)
EVENT = an_event(LOW, an_id(1), event_id=UUID(int=7))
_CALL = Call(correlation_id="c")

EXAMPLES: tuple[Signal, ...] = (
    Attempted(Operation.READ, 2, _CALL, AttemptOutcome.ANSWERED, 0.25),
    Attempted(Operation.INITIALIZE, 1, _CALL, AttemptOutcome.ANSWERED, 0.25),
    Attempted(Operation.READ, 3, _CALL, AttemptOutcome.PARTIAL, 0.25, LATE, unreadable=1),
    Attempted(Operation.READ, 1, _CALL, AttemptOutcome.FAILED, 0.25, LATE),
    Attempted(
        Operation.READ, 2, _CALL, AttemptOutcome.FAILED, 0.25, ContractViolation("no object")
    ),
    Attempted(Operation.INITIALIZE, 1, _CALL, AttemptOutcome.LEFT, 0.25),
    Retrying(Operation.READ, 2, 0.25, LATE, "c"),
    RetryBudgetExhausted(Operation.READ, LATE, "c"),
    BreakerChanged(BreakerState.CLOSED, BreakerState.OPEN, "5 of 6 calls failed"),
    BreakerChanged(BreakerState.OPEN, BreakerState.HALF_OPEN, "a probe is due"),
    BreakerChanged(BreakerState.HALF_OPEN, BreakerState.CLOSED, "the probe succeeded"),
    CallRejected(Operation.INITIALIZE, LATE, "c"),
    ServedStale(3, 41.26, "c"),
    RefreshFailed(2, LATE),
    SharedCacheDown("no answer"),
    SharedCacheRecovered(),
    SharedCacheWritesDropped(3, "it is full"),
    BackplaneDisconnected("reset"),
    BackplaneReconnected(2.04),
    InitializationQueued(ENTRY, LATE),
    InitializationDone(ENTRY, 61.26),
    InitializationPostponed(ENTRY, EPOCH, LATE),
    InitializationDeadLettered(ENTRY, DeadLetterReason.KEY_REUSED, LATE),
    QueueUnavailable(QueueFailed("the disk is full")),
    QueueRecovered(),
    EventHandled(EVENT, EventOutcome.HANDLED, 0.26, "c"),
    EventHandled(EVENT, EventOutcome.DUPLICATE, 0.26, "c"),
    EventHandled(EVENT, EventOutcome.LATE, 0.26, "c"),
    EventDeadLettered("no event", None, "c"),
)
