import asyncio
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import attrs
import pytest

from shelfport.adapters.queue.sql.database import database
from shelfport.adapters.queue.sql.queue import SqlQueue
from shelfport.contracts.sandbox import CATALOGUE, Sandbox
from shelfport.outbox import DeadLetterReason, QueuedInitialization
from tests.adapters.cli.conftest import Shelfport, Started
from tests.support.queue_cases import an_entry, at, claimed, key_of
from tests.support.services import free_port


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/queue.db"


@pytest.fixture
async def queue(url: str) -> AsyncIterator[SqlQueue]:
    async with SqlQueue(database(url)) as queue:
        yield queue


async def one_dead(queue: SqlQueue) -> QueuedInitialization:
    """Queue two entries, and make the first a dead letter."""
    first = an_entry(0)
    await queue.add(first)
    await queue.add(an_entry(1))
    [claim] = await claimed(queue, 5)
    await queue.dead_letter(
        claim, now=at(6), reason=DeadLetterReason.REJECTED, error="no such variant"
    )
    return first


async def test_migrate(call_shelfport: Shelfport, url: str) -> None:
    """`queue migrate` makes the tables; before that, other commands name it as the fix."""
    before = await call_shelfport("queue", "list", SHELFPORT_QUEUE_URL=url)
    made = await call_shelfport("queue", "migrate", "--json", SHELFPORT_QUEUE_URL=url)
    after = await call_shelfport("queue", "list", SHELFPORT_QUEUE_URL=url)

    assert (2, "") == (before.code, before.out)
    assert "run `shelfport queue migrate`" in before.err
    assert {"before": 0, "after": 3, "schema": 1} == json.loads(made.out)
    assert (0, "0 waiting; 0 dead letters\n") == (after.code, after.out)


async def test_output_that_the_encoding_lacks(
    run_shelfport: Shelfport, url: str, queue: SqlQueue
) -> None:
    """A character that the terminal's encoding does not have is escaped, and ends no command."""
    await queue.add(attrs.evolve(an_entry(), last_error="Größe unbekannt"))

    listed = await run_shelfport(
        "queue", "list", SHELFPORT_QUEUE_URL=url, PYTHONUTF8="0", PYTHONIOENCODING="ascii"
    )

    assert (0, "") == (listed.code, listed.err)
    assert r"Gr\xf6\xdfe unbekannt" in listed.out


async def test_migrating_a_database_that_is_down(call_shelfport: Shelfport) -> None:
    """`queue migrate` says that the database cannot be reached, and not that it has no tables."""
    url = f"postgresql://me:s3cret@127.0.0.1:{free_port()}/shop"

    done = await call_shelfport("queue", "migrate", SHELFPORT_QUEUE_URL=url)

    assert (2, "") == (done.code, done.out)
    assert "cannot be reached" in done.err
    assert "s3cret" not in done.err


async def test_list_and_dead(call_shelfport: Shelfport, url: str, queue: SqlQueue) -> None:
    """`list` prints all entries, `dead` the dead letters with their reasons."""
    first = await one_dead(queue)

    listed = await call_shelfport("queue", "list", SHELFPORT_QUEUE_URL=url)
    dead = await call_shelfport("queue", "dead", "--json", SHELFPORT_QUEUE_URL=url)

    assert listed.out.startswith("1 waiting, the oldest for ")
    assert 2 + 2 == len(listed.out.splitlines())
    [entry] = json.loads(dead.out)["entries"]
    assert (str(key_of(first)), "DEAD", "REJECTED", "no such variant") == (
        entry["idempotencyKey"],
        entry["state"],
        entry["deadLetterReason"],
        entry["lastError"],
    )


async def test_counts(call_shelfport: Shelfport, url: str, queue: SqlQueue) -> None:
    """Tries, the service's answers and claims are apart; the table shows the tries."""
    entry = an_entry()
    await queue.add(entry)
    for now, answered in ((0, False), (1, False), (2, True)):
        [claim] = await claimed(queue, now)
        await queue.retry_later(claim, due_at=at(now + 1), error="not yet", answered=answered)
    await claimed(queue, 3)
    await claimed(queue, 63)

    listed = await call_shelfport("queue", "list", SHELFPORT_QUEUE_URL=url)
    shown = await call_shelfport("queue", "show", str(key_of(entry)), SHELFPORT_QUEUE_URL=url)

    _, heads, row = listed.out.splitlines()
    assert "Tries" in heads
    assert "Attempts" not in heads
    assert ["held", "3", "not", "yet"] == [row.split()[2], *row.split()[-3:]]
    lines = [line.split() for line in shown.out.splitlines()]
    assert [["tries", "3"], ["attempts", "1"], ["claims", "2"]] == [
        line for line in lines if line[0] in {"tries", "attempts", "claims"}
    ]


async def test_show_retry_drop(call_shelfport: Shelfport, url: str, queue: SqlQueue) -> None:
    """An entry is shown, reset and dropped; a missing entry ends the command with 1."""
    key = str(key_of(await one_dead(queue)))

    async def run(*arguments: str) -> tuple[int | None, str]:
        done = await call_shelfport("queue", *arguments, SHELFPORT_QUEUE_URL=url)
        return done.code, done.out

    code, out = await run("show", key)
    assert 0 == code
    assert "deadLetterReason   REJECTED" in out
    assert (0, "1 entry due now\n") == await run("retry", "--all-dead")
    assert 0 == (await queue.stats()).dead_letters
    assert (0, "1 entry dropped\n") == await run("drop", key)
    assert (1, "0 entries dropped\n") == await run("drop", key)
    assert (1, "") == await run("show", key)
    assert (1, "0 entries due now\n") == await run("retry", key)
    assert 1 == (await queue.stats()).waiting


@pytest.mark.parametrize(
    ("arguments", "address", "words"),
    [
        (("list",), "", "queue.url is not set: set SHELFPORT_QUEUE_URL"),
        (("list",), "memory:", "that no other process can see"),
        (("list",), "mysql://u:s3cr3t@db/x", "queue.url begins with mysql"),
        (("retry",), "sqlite:///none.db", "give either idempotency keys or --all-dead"),
    ],
)
async def test_misuse(
    call_shelfport: Shelfport, arguments: tuple[str, ...], address: str, words: str
) -> None:
    """Invalid arguments are one sentence without a password."""
    if address:
        done = await call_shelfport("queue", *arguments, SHELFPORT_QUEUE_URL=address)
    else:
        done = await call_shelfport("queue", *arguments)

    assert (2, "", 1) == (done.code, done.out, len(done.err.splitlines()))
    assert words in done.err
    assert "s3cr3t" not in done.err


async def test_reconcile(
    call_shelfport: Shelfport, url: str, queue: SqlQueue, sandbox: Sandbox
) -> None:
    """Variants without a record are enqueued once; other queued variants are listed."""
    there, missing = str(CATALOGUE[0].variant_id), str(uuid4())
    other = an_entry()
    await queue.add(other)

    async def run(*arguments: str) -> tuple[int | None, dict[str, object]]:
        done = await call_shelfport(
            "reconcile", "-", "--json", "--base-url", sandbox.url, *arguments,
            stdin=f"{there}\n{missing}\n".encode(), SHELFPORT_QUEUE_URL=url,
        )  # fmt: skip
        return done.code, json.loads(done.out)

    code, dry = await run("--dry-run")
    assert (1, [missing], 0, 1) == (code, dry["missing"], dry["enqueued"], dry["present"])
    assert [str(other.request.variant_id)] == dry["notGiven"]
    assert 1 == (await queue.stats()).waiting

    code, done = await run()
    assert (0, 1, []) == (code, done["enqueued"], done["alreadyQueued"])
    code, again = await run()
    assert (0, 0, [missing]) == (code, again["enqueued"], again["alreadyQueued"])
    assert 2 == (await queue.stats()).waiting


async def test_reconcile_without_a_service(
    call_shelfport: Shelfport, url: str, queue: SqlQueue, tmp_path: Path
) -> None:
    """A variant whose record cannot be read is printed, and not enqueued."""
    file = tmp_path / "ids.txt"
    file.write_text(f"{uuid4()}\n")
    done = await call_shelfport(
        "reconcile", str(file), "--base-url", "http://127.0.0.1:9", SHELFPORT_QUEUE_URL=url
    )

    assert 1 == done.code
    assert "unreadable" in done.out
    assert 0 == (await queue.stats()).waiting


async def test_worker(
    started: Started, url: str, queue: SqlQueue, sandbox: Sandbox, tmp_path: Path
) -> None:
    """`worker` opens the waiting records until SIGTERM, and ends with 0."""
    entry = an_entry()
    await queue.add(entry)
    async with started("worker", "--base-url", sandbox.url, SHELFPORT_QUEUE_URL=url) as process:
        assert process.stdout is not None
        assert (await process.stdout.readline()).startswith(b"Working off SqlQueue(sqlite:///")
        async with asyncio.timeout(15):
            while (await queue.stats()).waiting:  # noqa: ASYNC110  # another process works
                await asyncio.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        assert 0 == await process.wait()
    posted = [e.idempotency_key for e in sandbox.journal if e.method == "POST"]
    assert [str(key_of(entry))] == posted


@pytest.mark.parametrize(
    ("catalog", "words"),
    [
        ("shop", "it must be MODULE:NAME"),
        ("no_such_module:x", "which cannot be imported"),
        ("builtins:__name__", "it must be a class or a function"),
        ("builtins:dict", "which made a dict: it must have mark_not_orderable"),
    ],
)
async def test_invalid_catalogs(
    call_shelfport: Shelfport, url: str, catalog: str, words: str
) -> None:
    """A --catalog that makes no catalog is one sentence."""
    done = await call_shelfport(
        "worker", "--catalog", catalog, "--base-url", "http://127.0.0.1:9", SHELFPORT_QUEUE_URL=url
    )

    assert 2 == done.code
    assert words in done.err
