"""What the cases of a telemetry share: every signal, a request, and snapshots."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import attrs

from shelfport.domain.model import (
    Call,
    DeadLetterReason,
    InitialStock,
    InventoryLowStock,
    Operation,
    QueuedInitialization,
    QueueFailed,
    RequestBlocked,
    RequestContext,
    TimedOut,
    variant_id,
)
from shelfport.ports import (
    BreakerSnapshot,
    CacheSnapshot,
    EventsSnapshot,
    QueueSnapshot,
    SharedCacheSnapshot,
    Snapshot,
    SubscriptionSnapshot,
    TlsSnapshot,
)
from shelfport.ports import signals as s

_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_VARIANT = variant_id(UUID(int=1))
_LATE = TimedOut("the Inventory Service did not answer in time")
TOO_LONG = RequestBlocked("414 of a proxy", status=414, correlation_id="c")
CALL = Call(
    deadline=9.0,
    max_staleness=2.0,
    correlation_id="conformance-7f3a",
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    waiters=("other",),
    attempt=2,
)
CONTEXT = RequestContext(Operation.READ, (_VARIANT, variant_id(UUID(int=2))), CALL, "http://stock")
ADDRESS = f"http://stock/inventory?productVariantIds={_VARIANT}"
_ENTRY = QueuedInitialization(
    request=InitialStock(variant_id=_VARIANT, initial_quantity=3, idempotency_key=UUID(int=9)),
    queued_at=_NOW,
    correlation_id="c",
    attempts=3,
    last_error="busy",
)
_EVENT = InventoryLowStock(event_id=UUID(int=7), occurred_at=_NOW, variant_id=_VARIANT)

SIGNALS: tuple[s.Signal, ...] = (
    *(
        s.Attempted(operation, 2, CALL, outcome, 0.25, error, unreadable)
        for operation in Operation
        for outcome, error, unreadable in (
            (s.AttemptOutcome.ANSWERED, None, 0),
            (s.AttemptOutcome.PARTIAL, _LATE, 1),
            (s.AttemptOutcome.FAILED, _LATE, 0),
            (s.AttemptOutcome.LEFT, None, 0),
        )
    ),
    s.Retrying(Operation.READ, 2, 0.25, _LATE, "c"),
    s.RetryBudgetExhausted(Operation.READ, _LATE, None),
    s.BreakerChanged(s.BreakerState.CLOSED, s.BreakerState.OPEN, "5 of 6 calls failed"),
    s.BreakerChanged(s.BreakerState.OPEN, s.BreakerState.HALF_OPEN, "a probe is due"),
    s.BreakerChanged(s.BreakerState.HALF_OPEN, s.BreakerState.CLOSED, "the probe succeeded"),
    s.BatchShrunk(100, TOO_LONG),
    s.BatchShrunk(1, TOO_LONG),
    s.AnswerRepaired("updatedAt", 2, "null, read as unknown", "c"),
    s.ClockSkewed(-75.0),
    s.ReadingsHeldBack(2),
    s.AbsenceDoubted(20, "c"),
    s.CallRejected(Operation.INITIALIZE, _LATE, "c"),
    s.ServedStale(3, 41.26, "c"),
    s.RefreshFailed(2, _LATE),
    s.SharedCacheDown("no answer"),
    s.SharedCacheRecovered(),
    s.SharedCacheWritesDropped(3, "it is full"),
    s.BackplaneDisconnected("reset"),
    s.BackplaneReconnected(2.04),
    s.InitializationQueued(_ENTRY, _LATE),
    s.InitializationDone(_ENTRY, 61.26),
    s.InitializationPostponed(_ENTRY, _NOW, _LATE),
    s.InitializationPostponed(_ENTRY, _NOW, RuntimeError("the catalog is down")),
    *(s.InitializationDeadLettered(_ENTRY, reason, _LATE) for reason in DeadLetterReason),
    s.InitializationDeadLettered(_ENTRY, DeadLetterReason.EXHAUSTED, None),
    s.QueueUnavailable(QueueFailed("the disk is full")),
    s.QueueRecovered(),
    *(s.EventHandled(_EVENT, outcome, 0.26, "c") for outcome in s.EventOutcome),
    s.EventDeadLettered("no event", None, None),
    s.EventDeadLettered("handled in vain", _EVENT, "c"),
)
"""Every kind of signal, in the variations that a telemetry may treat differently."""

_BREAKER = BreakerSnapshot(
    state=s.BreakerState.CLOSED, forced=False, calls=9, failures=1, slow=0, next_probe=None
)
_SUBSCRIPTION = SubscriptionSnapshot(
    connected=True,
    trouble=None,
    handled=5,
    duplicates=1,
    late=0,
    retried=2,
    dead_lettered=1,
    lag=None,
)
SMALL = Snapshot(
    open=True,
    circuit_breaker=_BREAKER,
    cache=CacheSnapshot(fresh=1, stale=2, misses=3, unreadable=4, entries=5),
    retry_budget=3.0,
    queue=None,
)
"""The state of an integration without optional parts."""
LARGE = attrs.evolve(
    SMALL,
    circuit_breaker=attrs.evolve(_BREAKER, state=s.BreakerState.OPEN, next_probe=3.5, forced=True),
    shared_cache=SharedCacheSnapshot(
        circuit_breaker=_BREAKER, hits=1, misses=2, dropped_writes=0, backplane_connected=True
    ),
    queue=QueueSnapshot(as_of=_NOW, waiting=2, oldest_age=5.0, dead_letters=1),
    events=EventsSnapshot(
        bus="a bus",
        catalog=attrs.evolve(_SUBSCRIPTION, lag=0.5),
        invalidation=attrs.evolve(_SUBSCRIPTION, connected=False, trouble="it is down"),
    ),
    tls=TlsSnapshot(own_expires=_NOW + timedelta(days=30), service_expires=None),
)
"""The state of an integration with every part."""
SNAPSHOTS = (SMALL, LARGE, attrs.evolve(LARGE, queue=QueueSnapshot(as_of=None, error="locked")))
