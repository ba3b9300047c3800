"""`QueueOptions`: where the queue is, and how a worker processes it."""

from typing import Any

import attrs
from typed_settings import Secret

from shelfport.adapters.runtime.secret_text import optional_secret
from shelfport.domain.model import LONGEST_WAIT
from shelfport.domain.model.validators import number
from shelfport.domain.services.backoff import Backoff
from shelfport.domain.services.queue_policy import QueuePolicy

MEMORY = "memory:"
"""The address of a queue in memory, which ends with its process."""


def _address(_instance: object, field: "attrs.Attribute[Any]", value: Any) -> None:
    if value is not None and not (isinstance(value, Secret) and value.get_secret_value()):
        raise ValueError(f"{field.name} is empty: it must be an address, such as sqlite:///PATH")


@attrs.frozen(kw_only=True)
class QueueOptions:
    """Where the queue is, and how a worker processes it. Durations are seconds."""

    url: Secret[str] | None = attrs.field(
        default=None, converter=optional_secret, validator=_address
    )
    """sqlite:///PATH, postgresql://USER:PASSWORD@HOST/NAME, or memory: for one that ends with its
    process. None: there is no queue, and only ROLL_BACK can be chosen. Never printed: it may hold
    a password."""
    worker: bool = True
    """Whether the integration processes the queue itself; else `shelfport worker` does.

    Why: a host needs no second process; a fleet may run `shelfport worker` instead."""
    create_schema: bool = True
    """Whether opening the queue may create its tables, or upgrade them; else `shelfport queue
    migrate` does.

    Why: a host needs no extra step; switch it off where a program may not change a schema."""
    max_concurrency: int = attrs.field(default=4, validator=number(1, 1000, unit="entries"))
    """Entries that one worker processes at once, at most.

    Why: a quarter of `limit.max_concurrency`: entries can wait, pages cannot."""
    max_attempts: int = attrs.field(default=25, validator=number(1, 10_000, unit="attempts"))
    """After so many answers of the service that put this entry off, it is a dead letter. Nothing
    else counts: neither an outage nor a fault on the way.

    Why: with these delays more than an hour of the service saying "not yet"."""
    max_age: float = attrs.field(
        default=30 * 86_400.0, validator=number(1, 3650 * 86_400.0, unit="seconds")
    )
    """After so long an entry that fails again is a dead letter (EXPIRED).

    Why: thirty days; a repair takes less, and the alert `InitializationsWait` fires all the time
    before."""
    base_delay: float = attrs.field(default=1.0, validator=number(0, LONGEST_WAIT, unit="seconds"))
    """The bound of the delay after the first try; it doubles with each try.

    Why: a dropped connection or a restarting host is over by then."""
    max_delay: float = attrs.field(default=600.0, validator=number(0, LONGEST_WAIT, unit="seconds"))
    """The bound does not grow beyond this.

    Why: at most ten minutes after the service is back, everything has been tried again."""
    attempt_timeout: float = attrs.field(default=10.0, validator=number(0.001, 300, unit="seconds"))
    """How long the Inventory Service has for one attempt, a read before it included.

    Why: no page waits for it, so a slow service gets more time than a page would give it."""
    catalog_timeout: float = attrs.field(default=10.0, validator=number(0.001, 300, unit="seconds"))
    """How long the host's catalog has for one call.

    Why: the host's own database may be busy."""
    lease: float = attrs.field(default=60.0, validator=number(0.01, LONGEST_WAIT, unit="seconds"))
    """How long one worker holds an entry alone; after a crash of the worker, another one may claim
    the entry when this time has passed.

    Why: twice what an attempt may take."""
    poll_interval: float = attrs.field(default=1.0, validator=number(0.01, 300, unit="seconds"))
    """How often an idle worker polls the queue. An entry that this process stores wakes it at once;
    with PostgreSQL, an entry of any process does.

    Why: with SQLite, an entry of another process is seen within a second."""
    shutdown_timeout: float = attrs.field(default=5.0, validator=number(0, 300, unit="seconds"))
    """How long a stopped worker may finish the attempts that it has begun; it gives the rest back.

    Why: shorter than the ten seconds that most supervisors give before they kill."""

    def __attrs_post_init__(self) -> None:
        self.backoff()
        needed = self.attempt_timeout + 2 * self.catalog_timeout
        if self.lease <= needed:
            raise ValueError(
                f"lease is {self.lease:g}: it must be more than attempt_timeout and twice "
                f"catalog_timeout together ({needed:g} seconds), or another worker claims "
                "an entry that is still being processed"
            )

    def backoff(self) -> Backoff:
        """The delays between attempts.

        Raises:
            ValueError: `base_delay` is above `max_delay`.
        """
        return Backoff(self.base_delay, self.max_delay)

    def policy(self) -> QueuePolicy:
        """The options that the domain's rules work with."""
        return QueuePolicy(
            max_attempts=self.max_attempts, max_age=self.max_age, backoff=self.backoff()
        )
