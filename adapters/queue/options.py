"""`QueueOptions`: where initialisations wait, and how they are worked off."""

from typing import Any

import attrs
from typed_settings import Secret

from shelfport.domain.model import LONGEST_WAIT
from shelfport.domain.model.validators import number
from shelfport.domain.services.queue_policy import QueuePolicy

MEMORY = "memory:"
"""The address of a queue that forgets with its process."""


def _secret(value: Secret[str] | str | None) -> Secret[str] | None:
    return Secret(value) if isinstance(value, str) else value


def _address(_instance: object, field: "attrs.Attribute[Any]", value: Any) -> None:
    if value is not None and not (isinstance(value, Secret) and value.get_secret_value()):
        raise ValueError(f"{field.name} is empty: it must be an address, such as sqlite:///PATH")


@attrs.frozen(kw_only=True)
class QueueOptions:
    """Where the queue is, and how it is worked off. Durations are seconds."""

    url: Secret[str] | None = attrs.field(default=None, converter=_secret, validator=_address)
    """sqlite:///PATH, postgresql://USER:PASSWORD@HOST/NAME, or memory: for one that forgets. None:
    there is no queue, and only ROLL_BACK can be chosen. Never printed: it may hold a password."""
    worker: bool = True
    """Whether the integration works the queue off itself; else `shelfport worker` does.

    Why: the host's own process works it off; a fleet may rather run `shelfport worker`."""
    create_schema: bool = True
    """Whether opening the queue may make its tables, or upgrade them; else `shelfport queue
    migrate` does.

    Why: it just works; where a program may not change a schema, `shelfport queue migrate` does."""
    max_concurrency: int = attrs.field(default=4, validator=number(1, 1000, unit="entries"))
    """Entries that one worker has in its hands, at most.

    Why: a quarter of `limit.max_concurrency`: what waits can wait, pages cannot."""
    max_attempts: int = attrs.field(default=25, validator=number(1, 10_000, unit="attempts"))
    """After so many attempts an entry is a dead letter. Those not made do not count.

    Why: with these pauses an hour and more of a service that answers badly; one that is down costs
    hardly any."""
    base_delay: float = attrs.field(default=1.0, validator=number(0, LONGEST_WAIT, unit="seconds"))
    """The bound of the pause after the first attempt; it doubles with each further one.

    Why: a dropped connection or a restarting host is over by then."""
    max_delay: float = attrs.field(default=600.0, validator=number(0, LONGEST_WAIT, unit="seconds"))
    """What that bound does not grow beyond.

    Why: at most ten minutes after the service is back, everything has been tried again."""
    attempt_timeout: float = attrs.field(default=10.0, validator=number(0.001, 300, unit="seconds"))
    """How long the Inventory Service has for one attempt: reading first included.

    Why: nobody waits for it, so a slow service gets the time that a page would not give it."""
    catalog_timeout: float = attrs.field(default=10.0, validator=number(0.001, 300, unit="seconds"))
    """How long the host's catalogue has for one call.

    Why: the host's own database may be busy, too."""
    lease: float = attrs.field(default=60.0, validator=number(0.01, LONGEST_WAIT, unit="seconds"))
    """How long an entry is one worker's alone; after a crash, how long it takes until another
    one may have it.

    Why: twice what an attempt may take; after a crash, entries wait no longer than that."""
    poll_interval: float = attrs.field(default=1.0, validator=number(0.01, 300, unit="seconds"))
    """How often an idle worker looks into the queue; what this process stores wakes it at once, and
    in PostgreSQL what any other one stores.

    Why: in SQLite, what another process stores is seen within a second."""
    shutdown_timeout: float = attrs.field(default=5.0, validator=number(0, 300, unit="seconds"))
    """How long a worker that is stopped may finish what it has begun; the rest it gives back.

    Why: shorter than the ten seconds that most supervisors give before they kill."""

    def __attrs_post_init__(self) -> None:
        self.terms()
        needed = self.attempt_timeout + 2 * self.catalog_timeout
        if self.lease <= needed:
            raise ValueError(
                f"lease is {self.lease:g}: it must be more than attempt_timeout and twice "
                f"catalog_timeout together ({needed:g} seconds), or an entry is taken away from a "
                "worker that is still at it"
            )

    def terms(self) -> QueuePolicy:
        """The part of it that the domain's rules work with."""
        return QueuePolicy(
            max_attempts=self.max_attempts,
            base_delay=self.base_delay,
            max_delay=self.max_delay,
        )
