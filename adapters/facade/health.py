"""What a readiness and a liveness probe should say: from a snapshot alone, without I/O."""

from collections.abc import Callable
from enum import Enum

import attrs

from shelfport.ports.signals import BreakerState
from shelfport.ports.snapshot import Snapshot


class HealthStatus(Enum):
    """How an integration is, for whoever routes requests to its process."""

    OK = "ok"
    DEGRADED = "degraded"
    """It answers, but shows what it kept, or "Stock information unavailable". Send it requests:
    another replica knows nothing better, and taking all of them away makes an outage of a page."""
    NOT_READY = "not ready"
    """It is not open yet, or not any more."""


@attrs.frozen
class Health:
    """What the probes say, and why."""

    status: HealthStatus
    reasons: tuple[str, ...] = ()
    """Why it is not OK, a sentence each."""

    @property
    def ready(self) -> bool:
        """Whether requests should be sent to this process. An open circuit is no reason not to."""
        return self.status is not HealthStatus.NOT_READY

    @property
    def live(self) -> bool:
        """Whether the process should go on living: yes.

        Nothing that is known here is mended by a restart, which would throw away what the cache
        kept. A process that hangs does not answer.
        """
        return True


_DEGRADED: tuple[tuple[str, Callable[[Snapshot], bool]], ...] = (
    (
        "the circuit is held open by hand: pages show what was kept",
        lambda s: s.circuit_breaker.state is BreakerState.OPEN and s.circuit_breaker.forced,
    ),
    (
        "the circuit is open: the Inventory Service failed, pages show what was kept",
        lambda s: s.circuit_breaker.state is BreakerState.OPEN and not s.circuit_breaker.forced,
    ),
    (
        "the circuit is half-open: the Inventory Service is being tried again",
        lambda s: s.circuit_breaker.state is BreakerState.HALF_OPEN,
    ),
    (
        "the retry budget is spent: what fails is not repeated",
        lambda s: s.retry_budget < 1,
    ),
    (
        "the queue of initialisations cannot be used",
        lambda s: s.queue is not None and s.queue.error is not None,
    ),
    (
        "initialisations wait for a person: some are dead",
        lambda s: s.queue is not None and s.queue.dead_letters > 0,
    ),
    (
        "stock events are not heard: a subscription does not stand",
        lambda s: (
            s.events is not None
            and not (s.events.catalog.connected and s.events.invalidation.connected)
        ),
    ),
    (
        "the shared cache is out: each replica asks the service by itself",
        lambda s: (
            s.shared_cache is not None
            and s.shared_cache.circuit_breaker.state is not BreakerState.CLOSED
        ),
    ),
)
"""What is worth telling, though it is no reason to stop sending requests: a part of the snapshot
adds its rows here."""


def health(snapshot: Snapshot) -> Health:
    """Judge `snapshot`. Pure, and cheap enough for each probe."""
    if not snapshot.open:
        return Health(HealthStatus.NOT_READY, ("the integration is not open",))
    reasons = tuple(sentence for sentence, applies in _DEGRADED if applies(snapshot))
    return Health(HealthStatus.DEGRADED if reasons else HealthStatus.OK, reasons)
