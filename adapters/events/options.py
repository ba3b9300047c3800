"""`EventOptions`: where events come from, and how they are handled."""

import re
from typing import Any

import attrs
from typed_settings import Secret
from yarl import URL

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


def _webhook_url(_instance: object, field: "attrs.Attribute[Any]", value: Any) -> None:
    if value is None:
        return
    if not _leads_to_a_webhook(value):
        raise ValueError(f"{field.name} is no URL of a webhook: it must begin with https://")


def _leads_to_a_webhook(address: Secret[str]) -> bool:
    try:
        url = URL(address.get_secret_value())
    except ValueError:
        return False
    return url.scheme in {"http", "https"} and bool(url.host)


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
    group: str = attrs.field(default="shelfport", validator=_name)
    """Names the work queue that all replicas of one host share; two hosts need two names.

    Why: one host, one work queue."""
    at_once: int = attrs.field(default=16, validator=number(1, 1000, unit="events"))
    """Events that one replica handles at once, at most; those of one variant, one by one.

    Why: as many as the requests that the Inventory Service gets at once."""
    attempts: int = attrs.field(default=5, validator=number(1, 100, unit="attempts"))
    """How often handling an event is tried before it is dead-lettered.

    Why: some eight seconds: long enough for a catalogue's restart of a connection, short enough
    for those who wait behind."""
    attempt_timeout: float = attrs.field(default=5.0, validator=number(0.01, 300, unit="seconds"))
    """How long one attempt may take: showing the status and notifying together.

    Why: a catalogue's statement and a webhook take milliseconds; what hangs is cut off."""
    first_delay: float = attrs.field(default=0.2, validator=number(0, 60, unit="seconds"))
    """The pause after the first failed attempt is drawn from 0 to this; it doubles.

    Why: most faults are gone by the second attempt."""
    longest_delay: float = attrs.field(default=5.0, validator=number(0, 300, unit="seconds"))
    """No pause between attempts is longer, nor one between attempts to reach the bus.

    Why: a bus that is back is noticed within five seconds."""
    redeliver_after: float = attrs.field(default=60.0, validator=number(0.1, 3600, unit="seconds"))
    """How long NATS and Redis wait for a replica before another gets what it took.

    Why: longer than all attempts of an event together."""
    deliveries: int = attrs.field(default=20, validator=number(2, 10_000, unit="deliveries"))
    """An event that came more often than this ends whoever handles it: it is dead-lettered
    unhandled. Kafka does not count.

    Why: replicas are killed for many reasons, but not twenty times in a row over the same event."""
    remembered: int = attrs.field(default=100_000, validator=number(1, unit="events"))
    """Handled events, and variants with their last event, that a replica remembers.

    Why: some 20 MB; a bus repeats what is seconds old, not what lies a hundred thousand events
    back."""
    quiet_for: float = attrs.field(default=900.0, validator=number(0, unit="seconds"))
    """After a team was told of a variant, it is told nothing of it for so long, and then only the
    last word, if that is another.

    Why: a team that was told of a variant looks at it within a quarter of an hour."""
    webhook_timeout: float = attrs.field(default=3.0, validator=number(0.01, 300, unit="seconds"))
    """How long a webhook may take to answer.

    Why: below an attempt's time, so that the reason names the webhook."""
    out_of_stock_webhook: Secret[str] | None = attrs.field(
        default=None, converter=_secret, validator=_webhook_url
    )
    """Where to POST that a variant is out of stock. Never printed: such URLs are keys.

    Why: the log is told anyway."""
    low_stock_webhook: Secret[str] | None = attrs.field(
        default=None, converter=_secret, validator=_webhook_url
    )
    """Where to POST that the stock of a variant is low.

    Why: another kind of event is another team."""
    back_in_stock_webhook: Secret[str] | None = attrs.field(
        default=None, converter=_secret, validator=_webhook_url
    )
    """Where to POST that a variant can be sold again.

    Why: another kind of event is another team."""

    def __attrs_post_init__(self) -> None:
        if self.first_delay > self.longest_delay:
            raise ValueError(
                f"first_delay is {self.first_delay:g}: it must not be above longest_delay "
                f"({self.longest_delay:g} seconds)"
            )
        if self.redeliver_after < self.longest_handling:
            raise ValueError(
                f"redeliver_after is {self.redeliver_after:g}: it must be at least what all "
                f"attempts and pauses take together ({self.longest_handling:g} seconds), or an "
                "event is delivered to a second replica while the first still handles it"
            )

    @property
    def longest_handling(self) -> float:
        """Seconds that one event may take, all attempts and pauses together."""
        pauses = sum(
            min(self.longest_delay, self.first_delay * 2.0**n) for n in range(self.attempts - 1)
        )
        return self.attempts * self.attempt_timeout + pauses
