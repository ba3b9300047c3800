"""`CacheOptions`: how long a reading is served, and how."""

import attrs

from shelfport.domain.model.validators import number


@attrs.frozen(kw_only=True)
class CacheOptions:
    """How long a reading is served, and how. Durations are seconds."""

    ttl: float = attrs.field(default=5.0, validator=number(0, unit="seconds"))
    """Time to live: up to this age a reading is served as CACHED, without a request.

    Why: saves nearly all requests of a busy page, and no customer notices five seconds."""
    stale_while_revalidate: float = attrs.field(default=25.0, validator=number(0, unit="seconds"))
    """How long after `ttl` a reading is served at once as STALE, while it is refreshed in the
    background (RFC 5861 §3).

    Why: a page never waits for a refresh within half a minute."""
    stale_if_error: float = attrs.field(default=300.0, validator=number(0, unit="seconds"))
    """How long after `ttl` a reading is served as STALE if the service fails, or does not answer
    within `soft_timeout` (RFC 5861 §4).

    Why: for five minutes of an outage, pages show the last known stock with its age; older stock is
    more often wrong than right."""
    soft_timeout: float = attrs.field(default=0.2, validator=number(0, 60, unit="seconds"))
    """How long a caller that could get a stale reading waits for a fresh one.

    Why: a visitor does not notice it; a healthy service answers in a tenth of it."""
    negative_ttl: float = attrs.field(default=5.0, validator=number(0, unit="seconds"))
    """How long "the service has no record of this variant" is served without a request (RFC 2308).

    Why: a variant that was just created elsewhere appears soon."""
    jitter: float = attrs.field(default=0.1, validator=number(0, 1, unit="of the window"))
    """The share by which `ttl` may end early, so that the variants of a page, and the hosts of a
    fleet, do not refresh at the same moment.

    Why: hosts that started together drift apart within a few windows."""
    max_background_refreshes: int = attrs.field(
        default=4, validator=number(1, 1000, unit="requests")
    )
    """Background refreshes in flight at once, at most.

    Why: fewer than the failures that open the circuit: refreshes alone cannot flood a service
    that hangs."""
    refresh_backoff: float = attrs.field(default=1.0, validator=number(0, 60, unit="seconds"))
    """How long no refresh starts after one failed; stored readings are served meanwhile.

    Why: one refresh a second is enough to notice that the service is back."""
    max_entries: int = attrs.field(default=100_000, validator=number(1, unit="variants"))
    """Variants in memory, at most; beyond that, the oldest entries are evicted.

    Why: some 40 MB; for a larger catalog, memory holds what was read last."""

    def __attrs_post_init__(self) -> None:
        if self.stale_if_error < self.stale_while_revalidate:
            raise ValueError(
                f"stale_if_error is {self.stale_if_error:g}: it must be at least "
                f"stale_while_revalidate ({self.stale_while_revalidate:g} seconds), as both count "
                "from the end of ttl"
            )

    @property
    def revalidate_age(self) -> float:
        """The age, in seconds, up to which a reading is served at once while it is refreshed."""
        return self.ttl + self.stale_while_revalidate

    @property
    def discard_age(self) -> float:
        """The age, in seconds, from which a reading is not shown any more."""
        return self.ttl + self.stale_if_error
