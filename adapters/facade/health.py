"""`health`: the answers of a readiness and a liveness probe, from a snapshot, without I/O."""

from collections.abc import Callable
from enum import Enum

import attrs

from shelfport.ports.signals import BreakerState
from shelfport.ports.snapshot import Snapshot


class HealthStatus(Enum):
    """The state of an integration, for a load balancer or an orchestrator."""

    OK = "ok"
    DEGRADED = "degraded"
    """It answers, from the cache or with "Stock information unavailable". Keep sending requests:
    other replicas are in the same state, and removing all of them would make pages fail."""
    NOT_READY = "not ready"
    """It is not open."""


@attrs.frozen
class Health:
    """The status of an integration, and the reasons for it."""

    status: HealthStatus
    reasons: tuple[str, ...] = ()
    """Why the status is not OK, a sentence each."""

    @property
    def ready(self) -> bool:
        """Whether requests should be sent to this process. An open circuit is no reason not to."""
        return self.status is not HealthStatus.NOT_READY

    @property
    def live(self) -> bool:
        """True: a restart repairs no state that is known here, and would empty the cache.

        A process that hangs does not answer the probe at all.
        """
        return True


_DEGRADED: tuple[tuple[str, Callable[[Snapshot], bool]], ...] = (
    (
        "the circuit is forced open: pages show cached readings",
        lambda s: s.circuit_breaker.state is BreakerState.OPEN and s.circuit_breaker.forced,
    ),
    (
        "the circuit is open: the Inventory Service failed, pages show cached readings",
        lambda s: s.circuit_breaker.state is BreakerState.OPEN and not s.circuit_breaker.forced,
    ),
    (
        "the circuit is half-open: a few calls probe the Inventory Service",
        lambda s: s.circuit_breaker.state is BreakerState.HALF_OPEN,
    ),
    (
        "the retry budget is exhausted: failed requests are not repeated",
        lambda s: s.retry_budget < 1,
    ),
    (
        "the queue of initializations is unavailable",
        lambda s: s.queue is not None and s.queue.error is not None,
    ),
    (
        "the queue of initializations has dead letters: a person must decide about them",
        lambda s: s.queue is not None and s.queue.dead_letters > 0,
    ),
    (
        "not receiving stock events: a subscription is not connected",
        lambda s: (
            s.events is not None
            and any(
                one.wanted and not one.connected
                for one in (s.events.catalog, s.events.invalidation)
            )
        ),
    ),
    (
        "the shared cache is unavailable: each replica reads from the service by itself",
        lambda s: (
            s.shared_cache is not None
            and s.shared_cache.circuit_breaker.state is not BreakerState.CLOSED
        ),
    ),
)
"""The reasons for DEGRADED, each with its test on the snapshot."""


def health(snapshot: Snapshot) -> Health:
    """The health that `snapshot` shows. Pure, and cheap enough to call in each probe."""
    if not snapshot.open:
        return Health(HealthStatus.NOT_READY, ("the integration is not open",))
    reasons = tuple(sentence for sentence, applies in _DEGRADED if applies(snapshot))
    return Health(HealthStatus.DEGRADED if reasons else HealthStatus.OK, reasons)
