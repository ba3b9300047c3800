import attrs
import pytest

from shelfport import (
    BreakerSnapshot,
    BreakerState,
    CacheSnapshot,
    HealthStatus,
    Settings,
    Snapshot,
    build,
    health,
)

FINE = Snapshot(
    open=True,
    circuit=BreakerSnapshot(
        state=BreakerState.CLOSED, forced=False, calls=0, failures=0, slow=0, next_probe=None
    ),
    cache=CacheSnapshot(fresh=0, stale=0, missed=0, unreadable=0, kept=0),
    retry_budget=3.0,
)


def circuit(state: BreakerState, *, forced: bool = False) -> Snapshot:
    return attrs.evolve(FINE, circuit=attrs.evolve(FINE.circuit, state=state, forced=forced))


def test_all_is_well() -> None:
    """With nothing to tell it is OK."""
    assert (HealthStatus.OK, ()) == (health(FINE).status, health(FINE).reasons)
    assert (True, True) == (health(FINE).ready, health(FINE).live)


@pytest.mark.parametrize(
    ("snapshot", "reason"),
    [
        (circuit(BreakerState.OPEN), "the circuit is open"),
        (circuit(BreakerState.OPEN, forced=True), "held open by hand"),
        (circuit(BreakerState.HALF_OPEN), "half-open"),
        (attrs.evolve(FINE, retry_budget=0.4), "the retry budget is spent"),
    ],
)
def test_degraded_not_dead(snapshot: Snapshot, reason: str) -> None:
    """What the service does degrades: requests still come, and nobody restarts the process."""
    judged = health(snapshot)

    assert HealthStatus.DEGRADED is judged.status
    assert (True, True) == (judged.ready, judged.live)
    [sentence] = judged.reasons
    assert reason in sentence


def test_a_circuit_held_closed() -> None:
    """A circuit that is held closed is no outage."""
    assert HealthStatus.OK is health(circuit(BreakerState.CLOSED, forced=True)).status


async def test_not_ready_while_it_is_not_open() -> None:
    """Before it is entered and after it was left, no request should come; it lives all the same."""
    inventory = build(Settings())
    before = health(inventory.snapshot())
    async with inventory:
        during = health(inventory.snapshot())
        inventory.force_circuit(BreakerState.OPEN)
        degraded = health(inventory.snapshot())
    after = health(inventory.snapshot())

    assert [False, True, True, False] == [h.ready for h in (before, during, degraded, after)]
    assert [True] * 4 == [h.live for h in (before, during, degraded, after)]
    assert HealthStatus.DEGRADED is degraded.status
