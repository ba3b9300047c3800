"""`CacheOptions`: how long a reading is served, and how."""

import attrs

from shelfport.domain.model.validators import number


@attrs.frozen(kw_only=True)
class CacheOptions:
    """How long a reading is kept for what. Durations are seconds; windows are ages."""

    fresh_for: float = attrs.field(default=5.0, validator=number(0, unit="seconds"))
    """Up to here a reading is served as CACHED, and nobody is asked.

    Why: saves nearly all requests of a busy page, and nobody notices five seconds."""
    refresh_for: float = attrs.field(default=30.0, validator=number(0, unit="seconds"))
    """Up to here it is served at once as STALE, and refreshed behind the caller's back.

    Why: a page never waits for a refresh within half a minute."""
    stale_for: float = attrs.field(default=300.0, validator=number(0, unit="seconds"))
    """Up to here it is served as STALE if the service does not answer within `soft_timeout`.

    Why: five minutes of outage show the last known stock with its age; past that it says more
    wrong than right."""
    soft_timeout: float = attrs.field(default=0.2, validator=number(0, 60, unit="seconds"))
    """How long a caller who could be served stale waits for better.

    Why: what a visitor does not feel; a healthy service answers in a tenth of it."""
    unknown_for: float = attrs.field(default=5.0, validator=number(0, unit="seconds"))
    """How long "the service has no record of this variant" is believed.

    Why: a variant that has just been created elsewhere appears soon."""
    jitter: float = attrs.field(default=0.1, validator=number(0, 1, unit="of the window"))
    """The share by which a fresh window may end early, so that a page's variants, and a fleet's
    hosts, do not refresh in step.

    Why: hosts that started together drift apart within a few windows."""
    refreshes: int = attrs.field(default=4, validator=number(1, 1000, unit="requests"))
    """Refreshes behind callers' backs under way at once, at most.

    Why: fewer than the failures that open the circuit: refreshing alone cannot flood a service
    that hangs."""
    refresh_pause: float = attrs.field(default=1.0, validator=number(0, 60, unit="seconds"))
    """How long nothing is refreshed after a refresh failed; what is kept is served meanwhile.

    Why: after a failure one refresh a second is enough to find out that it is back."""
    most: int = attrs.field(default=100_000, validator=number(1, unit="variants"))
    """Variants that are kept; beyond that, those that were stored first go.

    Why: some 40 MB; a larger catalogue keeps what was read last."""

    def __attrs_post_init__(self) -> None:
        if not self.fresh_for <= self.refresh_for <= self.stale_for:
            raise ValueError(
                f"stale_for is {self.stale_for:g}: windows must not shrink from fresh_for "
                f"({self.fresh_for:g}) over refresh_for ({self.refresh_for:g}) to stale_for"
            )
