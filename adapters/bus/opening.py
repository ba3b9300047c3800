"""Makes the bus that the settings name."""

from importlib import import_module
from typing import Any

from shelfport.adapters.events.names import BusNames
from shelfport.adapters.events.options import SCHEMES, EventOptions
from shelfport.adapters.runtime.secret_address import scheme_of
from shelfport.ports.message_bus import Bus

_MODULES = {
    "rabbitmq": ("aio_pika", "rabbitmq"),
    "nats": ("nats", "nats"),
    "redis-streams": ("redis", "redis_streams"),
    "kafka": ("aiokafka", "kafka"),
}
"""For each extra, the client that it installs, and the module here that needs it."""


def open_bus(options: EventOptions) -> Bus:
    """The bus that the settings name; not connected yet.

    Raises:
        ValueError: `events.url` is not set, or its extra is not installed; one sentence.
    """
    if options.url is None:
        raise ValueError("events.url is not set: set it to the address of the bus")
    extra = SCHEMES[scheme_of(options.url)]
    client, module = _MODULES[extra]
    try:
        part: Any = import_module(f"shelfport.adapters.bus.{module}")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != client:
            raise
        raise ValueError(
            f'events.url needs {client}, which is not installed: pip install "shelfport[{extra}]"'
        ) from error
    names = BusNames(prefix=options.prefix, group=options.consumer_group, exchange=options.exchange)
    match extra:
        case "rabbitmq":
            bus: Bus = part.RabbitBus(options.url, names, options.max_concurrency)
        case "kafka":
            bus = part.KafkaBus(options.url, names)
        case "nats":
            bus = part.NatsBus(options.url, names, options.ack_timeout)
        case _:
            bus = part.RedisStreamsBus(options.url, names, options.ack_timeout)
    return bus
