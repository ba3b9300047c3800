"""The checks `queue`, `shared_cache` and `bus`; with real servers: tests/services."""

import asyncio
import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shelfport.adapters.queue.sql.database import database
from shelfport.adapters.queue.sql.queue import SqlQueue
from shelfport.adapters.queue.sql.schema import SQLITE_STEPS, VERSIONS_TABLE
from shelfport.outbox import DeadLetterReason, QueuedInitialization
from tests.adapters.cli.check.test_check import outcomes
from tests.adapters.cli.conftest import Shelfport
from tests.faults.servers import closed_port
from tests.support.enqueuing import file_of
from tests.support.queues import sqlite_url
from tests.support.values import an_initial_stock

VERSION = len(SQLITE_STEPS)


def row(out: str, name: str) -> str:
    """The line of one check, with its advice."""
    [text] = re.findall(rf"^  {name} +((?:.*)(?:\n +To do: .*)?)", out, re.MULTILINE)
    return " ".join(text.split())


async def filled(folder: Path, *, hours: float = 0.0, tries: int = 0, dead: int = 0) -> str:
    """The URL of a queue with an entry that has waited so many hours, and so many dead letters."""
    url, now = sqlite_url(folder), datetime.now(UTC)
    async with SqlQueue(database(url)) as queue:
        for _ in range(dead):
            await queue.add(QueuedInitialization(request=an_initial_stock(), queued_at=now))
            [claim] = await queue.claim(holder="w", limit=1, now=now, lease=60)
            await queue.dead_letter(claim, now=now, reason=DeadLetterReason.REJECTED, error="no")
        then = now - timedelta(hours=hours)
        await queue.add(
            QueuedInitialization(request=an_initial_stock(), queued_at=then, tries=tries)
        )
    return url


@pytest.mark.parametrize(
    ("given", "counts"),
    [
        ({}, r"1 waiting, the oldest for \d+ s, 0 dead letters"),
        ({"hours": 3, "tries": 1}, "1 waiting, the oldest for 3 h, 0 dead letters"),
    ],
)
async def test_a_queue_without_problems(
    call_shelfport: Shelfport, tmp_path: Path, given: dict[str, int], counts: str
) -> None:
    """The check prints the schema version and the counts of a queue with a worker."""
    done = await call_shelfport(
        "check", SHELFPORT_ADAPTER="memory", SHELFPORT_QUEUE_URL=await filled(tmp_path, **given)
    )

    assert re.fullmatch(f"ok schema version {VERSION}, {counts}", row(done.out, "queue"))
    assert 0 == done.code


async def test_a_queue_without_a_worker(call_shelfport: Shelfport, tmp_path: Path) -> None:
    """An entry without a try after ten minutes fails the check: no worker runs."""
    done = await call_shelfport(
        "check", SHELFPORT_ADAPTER="memory", SHELFPORT_QUEUE_URL=await filled(tmp_path, hours=0.2)
    )

    assert "the oldest for 12 min, 0 dead letters, without an attempt" in row(done.out, "queue")
    assert "To do: start a worker (`shelfport worker`" in row(done.out, "queue")
    assert 1 == done.code


async def test_dead_letters_fail(call_shelfport: Shelfport, tmp_path: Path) -> None:
    """A dead letter fails the check: it needs a decision of an operator."""
    done = await call_shelfport(
        "check", SHELFPORT_ADAPTER="memory", SHELFPORT_QUEUE_URL=await filled(tmp_path, dead=2)
    )

    assert row(done.out, "queue").startswith("failed")
    assert " s, 2 dead letters To do: list the dead letters" in row(done.out, "queue")
    assert 1 == done.code


@pytest.mark.parametrize(
    ("found", "allowed", "expected"),
    [
        (
            0,
            "true",
            "ok schema version 0: the first host or worker that opens the queue upgrades it",
        ),
        (0, "false", "To do: run `shelfport queue migrate`"),
        (VERSION + 1, "true", "To do: upgrade shelfport"),
    ],
)
async def test_tables_of_another_version(
    call_shelfport: Shelfport, tmp_path: Path, found: int, allowed: str, expected: str
) -> None:
    """Old tables fail unless hosts may upgrade them, newer ones always; the check changes none."""
    url = sqlite_url(tmp_path)
    with closing(sqlite3.connect(file_of(url))) as connection:
        if found:
            connection.execute(f"CREATE TABLE {VERSIONS_TABLE} (version BIGINT NOT NULL)")
            connection.execute(f"INSERT INTO {VERSIONS_TABLE} VALUES ({found})")
            connection.commit()
        tables = connection.execute("SELECT name FROM sqlite_master").fetchall()
        done = await call_shelfport(
            "check",
            SHELFPORT_ADAPTER="memory",
            SHELFPORT_QUEUE_URL=url,
            SHELFPORT_QUEUE_CREATE_SCHEMA=allowed,
        )
        assert tables == connection.execute("SELECT name FROM sqlite_master").fetchall()

    assert expected in row(done.out, "queue")
    assert expected.startswith("ok") == (done.code == 0)


@pytest.mark.parametrize(
    ("name", "variable", "url", "expected"),
    [
        ("queue", "QUEUE_URL", "sqlite:////nowhere/at/all.db", "cannot be opened"),
        ("queue", "QUEUE_URL", "postgresql://me:s3cret@127.0.0.1:{port}/x", "cannot be reached"),
        ("queue", "QUEUE_URL", "mysql://me:s3cret@127.0.0.1/x", "To do: correct queue.url"),
        (
            "shared_cache",
            "SHARED_CACHE_URL",
            "redis://me:s3cret@127.0.0.1:{port}",
            "To do: start Redis",
        ),
        ("bus", "EVENTS_URL", "amqp://me:s3cret@127.0.0.1:{port}", "To do: start the bus"),
        ("bus", "EVENTS_URL", "nats://me:s3cret@127.0.0.1:{port}", "To do: start the bus"),
        ("bus", "EVENTS_URL", "redis://me:s3cret@127.0.0.1:{port}", "To do: start the bus"),
    ],
)
async def test_servers_that_do_not_run(
    call_shelfport: Shelfport, name: str, variable: str, url: str, expected: str
) -> None:
    """An unreachable server fails its check with advice, without a password; other checks run."""
    given: dict[str, Any] = {f"SHELFPORT_{variable}": url.format(port=closed_port())}
    done = await call_shelfport("check", SHELFPORT_ADAPTER="memory", **given)

    assert row(done.out, name).startswith("failed")
    assert expected in row(done.out, name)
    assert "To do: " in row(done.out, name)
    assert "s3cret" not in done.out + done.err
    assert (1, "ok") == (done.code, outcomes(done)["read"])


@pytest.mark.parametrize(
    ("name", "variable", "scheme"),
    [("queue", "QUEUE_URL", "postgresql"), ("shared_cache", "SHARED_CACHE_URL", "redis"),
     ("bus", "EVENTS_URL", "amqp")],
)  # fmt: skip
async def test_servers_that_are_silent(
    call_shelfport: Shelfport, name: str, variable: str, scheme: str
) -> None:
    """A server that accepts a connection and does not answer fails after the deadline."""

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1")
    port = server.sockets[0].getsockname()[1]
    async with server:
        given: dict[str, Any] = {
            f"SHELFPORT_{variable}": f"{scheme}://127.0.0.1:{port}/x".removesuffix("/x")
        }
        done = await call_shelfport(
            "check", "--deadline", "0.3", SHELFPORT_ADAPTER="memory", **given
        )

    assert "within 0.3 s To do: find out" in row(done.out, name)
    assert 1 == done.code


@pytest.mark.parametrize(
    "command",
    [("get", "00000000-0000-0000-0000-000000000001"), ("reconcile", "--dry-run")],
    ids=["get", "reconcile"],
)
async def test_commands_without_a_catalog_use_no_bus(
    call_shelfport: Shelfport, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """A command without a catalog does not connect to the bus: its events would be lost."""
    connected = 0

    def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connected
        connected += 1
        writer.close()

    server = await asyncio.start_server(count, "127.0.0.1")
    async with server:
        await call_shelfport(
            *command,
            stdin=b"00000000-0000-0000-0000-000000000001",
            SHELFPORT_BASE_URL=f"http://127.0.0.1:{closed_port()}",
            SHELFPORT_QUEUE_URL=sqlite_url(tmp_path),
            SHELFPORT_EVENTS_URL=f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}",
        )

    assert 0 == connected
