"""`EventOptions`: the bus, its names, and how events are handled."""

import re
from typing import Any

import attrs
from typed_settings import Secret

from shelfport.adapters.runtime.secret_address import scheme_of
from shelfport.adapters.runtime.secret_text import optional_secret
from shelfport.domain.model.validators import number
from shelfport.domain.services.backoff import Backoff

SCHEMES = {
    "amqp": "rabbitmq",
    "amqps": "rabbitmq",
    "nats": "nats",
    "tls": "nats",
    "redis": "redis-streams",
    "rediss": "redis-streams",
    "kafka": "kafka",
    "kafkas": "kafka",
}
"""The extra of each bus, by the scheme of its URL."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


def _bus_url(_instance: object, field: "attrs.Attribute[Any]", value: Any) -> None:
    if value is None:
        return
    # The value is never quoted: it may hold a password.
    if scheme_of(value) not in SCHEMES or not value.get_secret_value().partition("://")[2]:
        known = ", ".join(f"{name}://" for name in SCHEMES)
        raise ValueError(f"{field.name} is no address of a bus: it must begin with one of {known}")


def _name(_instance: object, field: "attrs.Attribute[Any]", value: Any) -> None:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ValueError(
            f"{field.name} is {value!r}: it must be 1 to 100 letters, digits, dots, dashes and "
            "underscores, and begin with a letter or a digit"
        )


def _prefix(instance: object, field: "attrs.Attribute[Any]", value: Any) -> None:
    if value != "":
        _name(instance, field, value)


@attrs.frozen(kw_only=True)
class EventOptions:
    """The bus, its names, and how events are handled. Durations are seconds."""

    url: Secret[str] | None = attrs.field(
        default=None, converter=optional_secret, validator=_bus_url
    )
    """The bus: amqp(s)://, nats://, tls://, redis(s)://, or kafka(s):// with its hosts separated
    by commas. None: no events; the cache goes by its windows alone. Never printed.

    Why: without a bus, the parts for events are neither imported nor started."""
    consume: bool = True
    """Whether a host with a catalog joins the consumer group: shows the status of events, and
    notifies. A process without a catalog never takes the group's events. Events invalidate the
    cache in either case.

    Why: one of a host's programs has to; switch it off where another one does it."""
    exchange: str = attrs.field(default="inventory", validator=_name)
    """The RabbitMQ exchange to which the service publishes, with the channels' addresses as routing
    keys.

    Why: only RabbitMQ has exchanges; the name is the service's."""
    prefix: str = attrs.field(default="", validator=_prefix)
    """Comes before the addresses of the channels in inventory-events.asyncapi.yaml, which are
    RabbitMQ's routing keys, NATS' subjects, Redis' streams and Kafka's topics.

    Why: the addresses of the file as they are; a prefix separates two environments on one bus."""
    consumer_group: str = attrs.field(default="shelfport", validator=_name)
    """The name of the consumer group that all replicas of one host share; two hosts need two names.

    Why: one host, one consumer group."""
    max_concurrency: int = attrs.field(default=16, validator=number(1, 1000, unit="events"))
    """Events that one replica handles at once, at most; those of one variant one after the other.

    Why: as many as the requests that the Inventory Service gets at once."""
    max_attempts: int = attrs.field(default=5, validator=number(1, 100, unit="attempts"))
    """How often handling an event is tried before it is dead-lettered.

    Why: long enough for a catalog to reconnect, short enough for the events that wait behind."""
    attempt_timeout: float = attrs.field(default=5.0, validator=number(0.01, 300, unit="seconds"))
    """How long one attempt may take: showing the status and notifying together.

    Why: a catalog's statement and a webhook take milliseconds."""
    base_delay: float = attrs.field(default=0.2, validator=number(0, 60, unit="seconds"))
    """The bound of the delay after the first attempt; it doubles with each attempt.

    Why: most faults are gone by the second attempt."""
    max_delay: float = attrs.field(default=5.0, validator=number(0, 300, unit="seconds"))
    """The bound does not grow beyond this, nor do the delays between connections to the bus.

    Why: the host reconnects within five seconds after the bus is back."""
    ack_timeout: float = attrs.field(default=60.0, validator=number(0.1, 3600, unit="seconds"))
    """How long NATS and Redis wait for an acknowledgement before they deliver an event to another
    replica.

    Why: longer than all attempts of an event together."""
    max_deliveries: int = attrs.field(default=20, validator=number(2, 10_000, unit="deliveries"))
    """After so many deliveries without an acknowledgement, an event is dead-lettered: its handler
    may crash the process. Kafka does not count deliveries.

    Why: replicas are killed for many reasons, but not twenty times in a row by the same event."""
    dedup_entries: int = attrs.field(default=100_000, validator=number(1, unit="events"))
    """Handled events that a replica remembers to detect duplicates, and variants with their last
    event.

    Why: some 20 MB; a bus redelivers events within seconds, not after a hundred thousand others."""

    def __attrs_post_init__(self) -> None:
        self.backoff()
        if self.ack_timeout < self.longest_handling:
            raise ValueError(
                f"ack_timeout is {self.ack_timeout:g}: it must be at least what all "
                f"attempts and delays take together ({self.longest_handling:g} seconds), or an "
                "event is delivered to a second replica while the first one still handles it"
            )

    def backoff(self) -> Backoff:
        """The delays between attempts.

        Raises:
            ValueError: `base_delay` is above `max_delay`.
        """
        return Backoff(self.base_delay, self.max_delay)

    @property
    def longest_handling(self) -> float:
        """Seconds that one event may take, all attempts and delays together."""
        delays = sum(map(self.backoff().bound, range(1, self.max_attempts)))
        return self.max_attempts * self.attempt_timeout + delays
