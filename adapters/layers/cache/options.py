"""`CacheOptions`: how long a reading is served, and how."""

import attrs

from shelfport.domain.model.validators import number


@attrs.frozen(kw_only=True)
class CacheOptions:
    """How long a reading is served, and how. Durations are seconds."""

    ttl: float = attrs.field(default=5.0, validator=number(0, unit="seconds"))
    """Time to live: up to this age a reading is served as CACHED, without a request.

    Why: saves nearly all requests of a busy page, and nobody notices five seconds."""
    stale_while_revalidate: float = attrs.field(default=25.0, validator=number(0, unit="seconds"))
    """How long after `ttl` a reading is served at once as STALE, while it is refreshed in the
    background (RFC 5861 §3).

    Why: a page never waits for a refresh within half a minute."""
    stale_if_error: float = attrs.field(default=300.0, validator=number(0, unit="seconds"))
    """How long after `ttl` a reading is served as STALE if the service fails, or does not answer
    within `soft_timeout` (RFC 5861 §4).

    Why: five minutes of outage show the last known stock with its age; past that it says more
    wrong than right."""
    soft_timeout: float = attrs.field(default=0.2, validator=number(0, 60, unit="seconds"))
    """How long a caller who could be served stale waits for better.

    Why: what a visitor does not feel; a healthy service answers in a tenth of it."""
    negative_ttl: float = attrs.field(default=5.0, validator=number(0, unit="seconds"))
    """How long "the service has no record of this variant" is believed.

    Why: a variant that has just been created elsewhere appears soon."""
    jitter: float = attrs.field(default=0.1, validator=number(0, 1, unit="of the window"))
    """The share by which a fresh window may end early, so that a page's variants, and a fleet's
    hosts, do not refresh in step.

    Why: hosts that started together drift apart within a few windows."""
    max_background_refreshes: int = attrs.field(
        default=4, validator=number(1, 1000, unit="requests")
    )
    """Refreshes behind callers' backs under way at once, at most.

    Why: fewer than the failures that open the circuit: refreshing alone cannot flood a service
    that hangs."""
    refresh_backoff: float = attrs.field(default=1.0, validator=number(0, 60, unit="seconds"))
    """How long nothing is refreshed after a refresh failed; what is kept is served meanwhile.

    Why: after a failure one refresh a second is enough to find out that it is back."""
    max_entries: int = attrs.field(default=100_000, validator=number(1, unit="variants"))
    """Variants that are kept; beyond that, those that were stored first go.

    Why: some 40 MB; a larger catalogue keeps what was read last."""

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
