import attrs
import pytest

from shelfport import (
    HealthStatus,
    Settings,
    Snapshot,
    build,
    health,
)
from shelfport.ports import (
    BreakerSnapshot,
    CacheSnapshot,
    EventsSnapshot,
    QueueSnapshot,
    SharedCacheSnapshot,
    SubscriptionSnapshot,
)
from shelfport.signals import BreakerState

FINE = Snapshot(
    open=True,
    circuit_breaker=BreakerSnapshot(
        state=BreakerState.CLOSED, forced=False, calls=0, failures=0, slow=0, next_probe=None
    ),
    cache=CacheSnapshot(fresh=0, stale=0, misses=0, unreadable=0, entries=0),
    retry_budget=3.0,
    queue=None,
)
STANDS = SubscriptionSnapshot(
    connected=True,
    trouble=None,
    handled=0,
    duplicates=0,
    late=0,
    retried=0,
    dead_lettered=0,
    lag=None,
)
FALLEN = attrs.evolve(STANDS, connected=False, trouble="refused")
SHARED = SharedCacheSnapshot(
    circuit_breaker=FINE.circuit_breaker,
    hits=0,
    misses=0,
    dropped_writes=0,
    backplane_connected=True,
)


def circuit(state: BreakerState, *, forced: bool = False) -> Snapshot:
    return attrs.evolve(
        FINE, circuit_breaker=attrs.evolve(FINE.circuit_breaker, state=state, forced=forced)
    )


def queue(*, dead: int = 0, error: str | None = None) -> Snapshot:
    return attrs.evolve(
        FINE, queue=QueueSnapshot(as_of=None, waiting=9, dead_letters=dead, error=error)
    )


def events(catalog: SubscriptionSnapshot, invalidation: SubscriptionSnapshot) -> Snapshot:
    stand = EventsSnapshot(bus="nats://bus", catalog=catalog, invalidation=invalidation)
    return attrs.evolve(FINE, events=stand)


def shared(state: BreakerState) -> Snapshot:
    stands = attrs.evolve(SHARED, circuit_breaker=attrs.evolve(FINE.circuit_breaker, state=state))
    return attrs.evolve(FINE, shared_cache=stands)


@pytest.mark.parametrize(
    "snapshot",
    [
        FINE,
        queue(),
        events(STANDS, STANDS),
        events(attrs.evolve(STANDS, connected=False, wanted=False), STANDS),
        shared(BreakerState.CLOSED),
    ],
    ids=["alone", "queue", "events", "no catalog", "shared"],
)
def test_all_is_well(snapshot: Snapshot) -> None:
    """Without a reason the status is OK, whatever parts there are."""
    assert (HealthStatus.OK, ()) == (health(snapshot).status, health(snapshot).reasons)
    assert (True, True) == (health(snapshot).ready, health(snapshot).live)


@pytest.mark.parametrize(
    ("snapshot", "reason"),
    [
        (circuit(BreakerState.OPEN), "the circuit is open"),
        (circuit(BreakerState.OPEN, forced=True), "forced open"),
        (circuit(BreakerState.HALF_OPEN), "half-open"),
        (attrs.evolve(FINE, retry_budget=0.4), "the retry budget is exhausted"),
        (queue(error="refused"), "the queue of initializations is unavailable"),
        (queue(dead=1), "has dead letters"),
        (events(FALLEN, STANDS), "a subscription is not connected"),
        (events(STANDS, FALLEN), "a subscription is not connected"),
        (shared(BreakerState.OPEN), "the shared cache is unavailable"),
        (shared(BreakerState.HALF_OPEN), "the shared cache is unavailable"),
    ],
)
def test_degraded_not_dead(snapshot: Snapshot, reason: str) -> None:
    """A failure of the service is DEGRADED: the process stays ready and live."""
    judged = health(snapshot)

    assert HealthStatus.DEGRADED is judged.status
    assert (True, True) == (judged.ready, judged.live)
    [sentence] = judged.reasons
    assert reason in sentence


def test_a_circuit_held_closed() -> None:
    """A circuit that is forced closed is OK."""
    assert HealthStatus.OK is health(circuit(BreakerState.CLOSED, forced=True)).status


async def test_not_ready_while_it_is_not_open() -> None:
    """A closed integration is not ready, but live."""
    inventory = build(Settings(adapter="memory"))
    before = health(inventory.snapshot())
    async with inventory:
        during = health(inventory.snapshot())
        inventory.force_circuit(BreakerState.OPEN)
        degraded = health(inventory.snapshot())
    after = health(inventory.snapshot())

    assert [False, True, True, False] == [h.ready for h in (before, during, degraded, after)]
    assert [True] * 4 == [h.live for h in (before, during, degraded, after)]
    assert HealthStatus.DEGRADED is degraded.status
