"""Real servers for tests: their addresses, and skipping without them.

A test that wants one asks for its fixture (`postgres_url`, `redis_url`, …). Without the server it
skips with the reason; with `SHELFPORT_REQUIRE_SERVICES=1` it fails instead. What it makes there it
names by `unique`, and takes away again. A test that stops, fills or freezes a server starts one
of its own (`free_port`), and ends only that.
"""

import os
import socket
from enum import Enum
from urllib.parse import urlsplit
from uuid import uuid4

import pytest


class Service(Enum):
    """A server, by the address that tests use unless its variable names another."""

    POSTGRES = "postgresql://postgres@127.0.0.1:5432/test"
    REDIS = "redis://127.0.0.1:6379/0"
    RABBITMQ = "amqp://guest:guest@127.0.0.1:5672/"
    NATS = "nats://127.0.0.1:4222"

    @property
    def variable(self) -> str:
        """The environment variable that names another server."""
        return f"SHELFPORT_TEST_{self.name}_URL"


def address_of(service: Service) -> str:
    """The server's URL; without the server, the test skips, or fails if servers are required."""
    url = os.environ.get(service.variable, service.value)
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    try:
        socket.create_connection((parts.hostname, parts.port), timeout=2).close()
    except OSError as error:
        absent(f"no {service.name} at {parts.hostname}:{parts.port} ({service.variable}): {error}")
    return url


def absent(reason: str) -> None:
    """Skip the test with the reason, or fail it if servers are required."""
    if os.environ.get("SHELFPORT_REQUIRE_SERVICES") == "1":
        pytest.fail(f"SHELFPORT_REQUIRE_SERVICES is set, but {reason}")
    pytest.skip(reason)


def unique(prefix: str = "shelfport") -> str:
    """A unique name on a shared server."""
    return f"{prefix}_{uuid4().hex[:12]}"


def free_port() -> int:
    """A loopback port that was free a moment ago, for a private server."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
