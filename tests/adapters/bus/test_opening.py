"""The bus that the settings name."""

import gc
import subprocess
import sys

import aio_pika
import pytest

from shelfport import Settings, build
from shelfport.adapters.bus.opening import open_bus
from shelfport.options import EventOptions

_WITHOUT = """
import asyncio, sys
from shelfport import Settings, build

async def main():
    async with build(Settings(adapter="memory")) as inventory:
        assert inventory.snapshot().events is None
        return [task.get_name() for task in asyncio.all_tasks() if "events" in task.get_name()]

assert [] == asyncio.run(main())
heavy = {"aio_pika", "aiormq", "nats", "redis", "aiokafka", "shelfport.adapters.bus"}
print(sorted(heavy & set(sys.modules)))
"""


def test_without_a_bus_no_part_of_it_is_imported() -> None:
    """An integration without a bus imports no client, no part of the buses, and starts no task."""
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT], capture_output=True, text=True, check=True
    )

    assert "[]\n" == done.stdout


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("amqp://me:secret@mq.internal/shop", "RabbitMQ at mq.internal:5672"),
        ("amqps://mq.internal", "RabbitMQ at mq.internal:5671"),
        ("nats://secret@nats.internal:4333", "NATS at nats.internal:4333"),
        ("tls://nats.internal", "NATS at nats.internal:4222"),
        ("rediss://:secret@cache/3", "Redis at cache:6379"),
        ("kafka://me:secret@one:9092,two:9092", "Kafka at one:9092,two:9092"),
    ],
)
def test_a_bus_by_its_url(url: str, name: str) -> None:
    """The scheme chooses the bus; its name has the address without the password."""
    bus = open_bus(EventOptions(url=url))

    assert name == bus.name
    assert "secret" not in repr(bus)


@pytest.mark.parametrize(
    ("url", "client", "extra"),
    [
        ("amqp://x", "aio_pika", "rabbitmq"),
        ("nats://x", "nats", "nats"),
        ("redis://x", "redis", "redis-streams"),
        ("kafka://x", "aiokafka", "kafka"),
    ],
)
def test_a_missing_extra_is_one_sentence(
    url: str, client: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its client, a bus says which extra to install, when the integration is built."""
    for module in [m for m in sys.modules if m.partition(".")[0] == client]:
        monkeypatch.delitem(sys.modules, module)
    for module in ("rabbitmq", "nats", "redis_streams", "kafka"):
        monkeypatch.delitem(sys.modules, f"shelfport.adapters.bus.{module}", raising=False)
    monkeypatch.setitem(sys.modules, client, None)

    with pytest.raises(ValueError, match=rf'pip install "shelfport\[{extra}\]"$'):
        build(Settings(adapter="memory", events=EventOptions(url=url)))


async def test_a_connection_that_rabbitmq_refused_is_closed() -> None:
    """A connection that was refused is closed: aio-pika would close it when it is collected.

    By then its event loop may have ended, or another one runs.
    """
    with pytest.raises(ConnectionError) as refused:
        async with open_bus(EventOptions(url="amqp://127.0.0.1:9")).publisher():
            raise AssertionError("port 9 answered")

    # By its type: `isinstance` would ask lazy objects of other tests for theirs.
    opened = [thing for thing in gc.get_objects() if type(thing) is aio_pika.Connection]
    assert opened, f"the traceback of {refused!r} holds none"
    assert all(connection.is_closed for connection in opened)


def test_no_url_no_bus() -> None:
    """Without a URL the error names the setting."""
    with pytest.raises(ValueError, match=r"events\.url is not set"):
        open_bus(EventOptions())
