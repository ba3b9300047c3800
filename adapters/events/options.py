"""`EventOptions`: where events come from, and how they are handled."""

import re
from typing import Any

import attrs
from typed_settings import Secret

from shelfport.adapters.runtime.secret_address import scheme_of
from shelfport.domain.model.validators import number

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
"""The buses, and their extras, by the scheme of their URL."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


def _secret(value: Secret[str] | str | None) -> Secret[str] | None:
    return Secret(value) if isinstance(value, str) else value


def _bus_url(_instance: object, field: "attrs.Attribute[Any]", value: Any) -> None:
    if value is None:
        return
    # The value is never quoted, nor a variable: it may carry a password.
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
    """How events are subscribed to and handled. Durations are seconds."""

    url: Secret[str] | None = attrs.field(default=None, converter=_secret, validator=_bus_url)
    """The bus: amqp(s)://, nats://, tls://, redis(s)://, or kafka(s):// with its hosts separated
    by commas. None: no events; what is shown follows the cache's windows alone. Never printed.

    Why: without a bus nothing of events is imported or started."""
    exchange: str = attrs.field(default="inventory", validator=_name)
    """RabbitMQ's exchange to which the service publishes, under the channels' addresses.

    Why: RabbitMQ alone has exchanges; the name is the service's."""
    prefix: str = attrs.field(default="", validator=_prefix)
    """Put before the addresses of the channels of inventory-events.asyncapi.yaml, which are
    RabbitMQ's routing keys, NATS' subjects, Redis' streams and Kafka's topics.

    Why: the file's addresses as they are; a prefix parts two environments on one bus."""
    consumer_group: str = attrs.field(default="shelfport", validator=_name)
    """Names the work queue that all replicas of one host share; two hosts need two names.

    Why: one host, one work queue."""
    max_concurrency: int = attrs.field(default=16, validator=number(1, 1000, unit="events"))
    """Events that one replica handles at once, at most; those of one variant, one by one.

    Why: as many as the requests that the Inventory Service gets at once."""
    max_attempts: int = attrs.field(default=5, validator=number(1, 100, unit="attempts"))
    """How often handling an event is tried before it is dead-lettered.

    Why: some eight seconds: long enough for a catalogue's restart of a connection, short enough
    for those who wait behind."""
    attempt_timeout: float = attrs.field(default=5.0, validator=number(0.01, 300, unit="seconds"))
    """How long one attempt may take: showing the status and notifying together.

    Why: a catalogue's statement and a webhook take milliseconds; what hangs is cut off."""
    base_delay: float = attrs.field(default=0.2, validator=number(0, 60, unit="seconds"))
    """The pause after the first failed attempt is drawn from 0 to this; it doubles.

    Why: most faults are gone by the second attempt."""
    max_delay: float = attrs.field(default=5.0, validator=number(0, 300, unit="seconds"))
    """No pause between attempts is longer, nor one between attempts to reach the bus.

    Why: a bus that is back is noticed within five seconds."""
    ack_timeout: float = attrs.field(default=60.0, validator=number(0.1, 3600, unit="seconds"))
    """How long NATS and Redis wait for a replica before another gets what it took.

    Why: longer than all attempts of an event together."""
    max_deliveries: int = attrs.field(default=20, validator=number(2, 10_000, unit="deliveries"))
    """An event that came more often than this ends whoever handles it: it is dead-lettered
    unhandled. Kafka does not count.

    Why: replicas are killed for many reasons, but not twenty times in a row over the same event."""
    dedup_entries: int = attrs.field(default=100_000, validator=number(1, unit="events"))
    """Handled events, and variants with their last event, that a replica remembers.

    Why: some 20 MB; a bus repeats what is seconds old, not what lies a hundred thousand events
    back."""

    def __attrs_post_init__(self) -> None:
        if self.base_delay > self.max_delay:
            raise ValueError(
                f"base_delay is {self.base_delay:g}: it must not be above max_delay "
                f"({self.max_delay:g} seconds)"
            )
        if self.ack_timeout < self.longest_handling:
            raise ValueError(
                f"ack_timeout is {self.ack_timeout:g}: it must be at least what all "
                f"attempts and pauses take together ({self.longest_handling:g} seconds), or an "
                "event is delivered to a second replica while the first still handles it"
            )

    @property
    def longest_handling(self) -> float:
        """Seconds that one event may take, all attempts and pauses together."""
        pauses = sum(
            min(self.max_delay, self.base_delay * 2.0**n) for n in range(self.max_attempts - 1)
        )
        return self.max_attempts * self.attempt_timeout + pauses
