"""Private message buses: the same servers as the shared ones, on ports and folders of their own.

Each runs in a process group of its own, so that all of it, and nothing else, can be ended.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import attrs

from tests.support.services import absent, free_port

_PATIENCE = 60.0
_RABBITMQ = "/usr/lib/rabbitmq/bin/rabbitmq-server"  # the one in /usr/sbin changes to another user


@attrs.define
class Broker:
    """A server that can be killed and started again over the same data."""

    url: str
    port: int
    command: list[str]
    env: Mapping[str, str]
    folder: Path
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (self.folder / "output").open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                env={**os.environ, **self.env},
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                assert self.process.poll() is None, (self.folder / "output").read_text()
                time.sleep(0.05)
            else:
                return
        raise AssertionError(f"no server at {self.port}: {(self.folder / 'output').read_text()}")

    def kill(self) -> None:
        """End it at once, with everything that it started."""
        process, self.process = self.process, None
        if process is not None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextmanager
def running(broker: Broker) -> Iterator[Broker]:
    """The broker, started; killed at the end."""
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()


def private_rabbitmq(folder: Path) -> Broker:
    """RabbitMQ over `folder`."""
    if not Path(_RABBITMQ).exists():
        absent(f"no RabbitMQ server to start at {_RABBITMQ}")
    port, inner = free_port(), free_port()
    (folder / "plugins").write_text("[].")
    (folder / "rabbitmq.conf").write_text(f"listeners.tcp.default = 127.0.0.1:{port}\n")
    env = {
        "HOME": str(folder),
        "RABBITMQ_NODENAME": f"shelfport{port}@localhost",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(inner),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
        "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "generated"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1",
    }
    return Broker(f"amqp://guest:guest@127.0.0.1:{port}/", port, [_RABBITMQ], env, folder)


def private_nats(folder: Path) -> Broker:
    """NATS with JetStream over `folder`."""
    command = _there("nats-server")
    port = free_port()
    arguments = [command, "-a", "127.0.0.1", "-p", str(port), "-js", "-sd", str(folder / "data")]
    return Broker(f"nats://127.0.0.1:{port}", port, arguments, {}, folder)


def private_redis(folder: Path) -> Broker:
    """Redis with an append-only file in `folder`."""
    command = _there("redis-server")
    port = free_port()
    arguments = [command, "--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder)]
    arguments += ["--appendonly", "yes", "--save", ""]
    return Broker(f"redis://127.0.0.1:{port}/0", port, arguments, {}, folder)


def _there(command: str) -> str:
    found = shutil.which(command)
    if found is None:
        absent(f"no {command} to start")
    assert found is not None
    return found


_MOCK = """
import sys
from confluent_kafka import Producer
producer = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "x", "log_level": 0})
[broker] = producer.list_topics(timeout=30).brokers.values()
print(f"{broker.host}:{broker.port}", flush=True)
sys.stdin.read()
"""


@contextmanager
def mock_kafka() -> Iterator[str]:
    """The URL of librdkafka's mock cluster, in a process of its own. It cannot be restarted."""
    process = subprocess.Popen(
        [sys.executable, "-c", _MOCK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield f"kafka://{process.stdout.readline().strip()}"
    finally:
        process.kill()
        process.communicate()
