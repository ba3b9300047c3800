"""The commands with SKUs: as the service's own ids, and as the host's ids behind a mapper."""

import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shelfport.adapters.queue.sql.database import database
from shelfport.adapters.queue.sql.queue import SqlQueue
from shelfport.contracts.sandbox import Sandbox, SeedRecord
from shelfport.domain.model import IdFormat, variant_id
from tests.adapters.cli.conftest import Ended, Shelfport
from tests.support.queue_cases import an_entry
from tests.support.values import an_id

SCARF = "SCARF/BLUE_50%"
NEW = "[red]#7?a&b+c"
TWO_WAYS = """
ID = "00000000-0000-0000-0000-00000000000"
IDS = {"SCARF": ID + "1", "HAT": ID + "2"}
SKUS = {id_: sku for sku, id_ in IDS.items()}

class Mapper:
    def to_variant(self, ref):
        return IDS[ref.upper()]

    def to_host(self, variant):
        return SKUS[variant]

def one_way(ref):
    return IDS[ref.upper()]
"""
SCARF_ID, HAT_ID, OTHER_ID = an_id(1), an_id(2), an_id(3)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/queue.db"


@pytest.fixture
async def queue(url: str) -> AsyncIterator[SqlQueue]:
    async with SqlQueue(database(url)) as queue:
        yield queue


@pytest.fixture
async def skus() -> AsyncIterator[Sandbox]:
    """A service whose ids are SKUs."""
    scarf = variant_id(SCARF, IdFormat.TEXT)
    async with Sandbox(id_format=IdFormat.TEXT, seed=[SeedRecord(scarf, 34)]) as running:
        yield running


@pytest.fixture
async def uuids() -> AsyncIterator[Sandbox]:
    """A service whose ids are UUIDs."""
    async with Sandbox(seed=[SeedRecord(SCARF_ID, 34)]) as running:
        yield running


@pytest.fixture(autouse=True)
def working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working directory of the commands, with the host's module `shop_ids`."""
    (tmp_path / "shop_ids.py").write_text(TWO_WAYS)
    (tmp_path / "shop_broken.py").write_text("raise RuntimeError('no database')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "modules", {**sys.modules})


def with_variables(call: Shelfport, **variables: str) -> Shelfport:
    """Runs the command with these variables of the environment."""

    async def run(*arguments: str, stdin: bytes = b"", **more: str) -> Ended:
        return await call(*arguments, stdin=stdin, **variables, **more)

    return run


def rows(done: Ended) -> list[list[str]]:
    """The words of each row of the table, without its heading."""
    return [line.split() for line in done.out.splitlines()[1:]]


async def test_get_reads_text_ids(call_shelfport: Shelfport, skus: Sandbox) -> None:
    """In text format, `get` reads a SKU with characters that an address escapes."""
    options = ("--base-url", skus.url)
    table = await call_shelfport("get", SCARF, NEW, *options, SHELFPORT_ID_FORMAT="text")
    done = await call_shelfport("get", NEW, "--json", *options, SHELFPORT_ID_FORMAT="text")

    assert [[SCARF, "IN_STOCK", "34"], [NEW, "unavailable", "-"]] == [r[:3] for r in rows(table)]
    [entry] = json.loads(done.out)["stock"]
    assert (NEW, None, "UNKNOWN_VARIANT") == (
        entry["variantId"],
        entry["hostId"],
        entry["reason"],
    )


async def test_init_opens_a_record_of_a_text_id(call_shelfport: Shelfport, skus: Sandbox) -> None:
    """In text format, `init` opens the record of the SKU exactly as it is written."""
    options = ("--quantity", "4", "--json", "--base-url", skus.url)
    done = await call_shelfport("init", NEW, *options, SHELFPORT_ID_FORMAT="text")
    got = await call_shelfport(
        "get", NEW, NEW.lower(), NEW.upper(), "--base-url", skus.url, SHELFPORT_ID_FORMAT="text"
    )

    document = json.loads(done.out)
    assert (NEW, None, "CREATED") == (
        document["variantId"],
        document["hostId"],
        document["outcome"],
    )
    assert [[NEW, "LOW_STOCK"], [NEW.upper(), "unavailable"]] == [row[:2] for row in rows(got)]


async def test_reconcile_and_the_queue_with_text_ids(
    call_shelfport: Shelfport, skus: Sandbox, url: str, queue: SqlQueue, tmp_path: Path
) -> None:
    """In text format, `reconcile` enqueues a missing SKU, and `queue list` prints it."""
    file = tmp_path / "skus.txt"
    file.write_text(f"{SCARF}\n{NEW}\n{NEW}\n")
    run = with_variables(call_shelfport, SHELFPORT_ID_FORMAT="text", SHELFPORT_QUEUE_URL=url)
    done = await run("reconcile", str(file), "--json", "--base-url", skus.url)
    listed = await run("queue", "list")
    as_json = await run("queue", "list", "--json")

    document = json.loads(done.out)
    [entry] = json.loads(as_json.out)["entries"]
    assert (2, 1, [NEW], 1) == tuple(
        document[name] for name in ("given", "present", "missing", "enqueued")
    )
    assert NEW == rows(listed)[1][1]
    assert (NEW, None) == (entry["variantId"], entry["hostId"])


async def test_an_id_that_has_the_wrong_format(call_shelfport: Shelfport, skus: Sandbox) -> None:
    """Text that is no id of the format is one sentence, without a request."""
    uuid = await call_shelfport("get", SCARF, "--base-url", skus.url)
    text = await call_shelfport("get", "..", "--base-url", skus.url, SHELFPORT_ID_FORMAT="text")

    assert (2, True) == (uuid.code, "it must be a UUID" in uuid.err)
    assert (2, True) == (text.code, "not '.' or '..'" in text.err)
    assert [] == list(skus.journal)


async def test_the_longest_id_stays_in_one_piece(
    call_shelfport: Shelfport, url: str, queue: SqlQueue, skus: Sandbox
) -> None:
    """An id of 128 characters is one word in the tables of `get` and `queue list`."""
    longest = "X" * 128
    run = with_variables(call_shelfport, SHELFPORT_ID_FORMAT="text", SHELFPORT_QUEUE_URL=url)
    await run("reconcile", "-", "--base-url", skus.url, stdin=longest.encode())
    got = await run("get", longest, "--base-url", skus.url)
    listed = await run("queue", "list")

    assert longest == rows(got)[0][0]
    assert longest == rows(listed)[1][1]


@pytest.mark.parametrize("mapper", ["shop_ids:Mapper", "shop_ids:one_way"])
async def test_get_speaks_the_hosts_ids(
    call_shelfport: Shelfport, uuids: Sandbox, mapper: str
) -> None:
    """With a mapper, `get` takes and prints the host's ids; JSON has both ids."""
    options = ("--base-url", uuids.url)
    table = await call_shelfport("get", "SCARF", "HAT", *options, SHELFPORT_MAPPER=mapper)
    done = await call_shelfport("get", "SCARF", "--json", *options, SHELFPORT_MAPPER=mapper)

    assert [["SCARF", "IN_STOCK"], ["HAT", "unavailable"]] == [row[:2] for row in rows(table)]
    [entry] = json.loads(done.out)["stock"]
    assert (SCARF_ID, "SCARF", 34) == (
        entry["variantId"],
        entry["hostId"],
        entry["availableQuantity"],
    )


@pytest.mark.parametrize(
    ("mapper", "expected"), [("shop_ids:Mapper", "SCARF"), ("shop_ids:one_way", "scarf")]
)
async def test_two_spellings_are_one_entry(
    call_shelfport: Shelfport, uuids: Sandbox, mapper: str, expected: str
) -> None:
    """Two texts of one variant are one entry: by the mapper's name, or else by the first text."""
    done = await call_shelfport(
        "get", "scarf", "SCARF", "--base-url", uuids.url, SHELFPORT_MAPPER=mapper
    )

    assert [[expected, "IN_STOCK"]] == [row[:2] for row in rows(done)]


async def test_init_speaks_the_hosts_ids(call_shelfport: Shelfport, uuids: Sandbox) -> None:
    """With a mapper, `init` opens the record of the variant that the host's id names."""
    done = await call_shelfport(
        *("init", "HAT", "--json", "--base-url", uuids.url), SHELFPORT_MAPPER="shop_ids:Mapper"
    )

    document = json.loads(done.out)
    assert (HAT_ID, "HAT") == (document["variantId"], document["hostId"])
    assert 201 == next(entry.status for entry in uuids.journal)


async def test_reconcile_speaks_the_hosts_ids(
    call_shelfport: Shelfport, uuids: Sandbox, url: str, queue: SqlQueue
) -> None:
    """With a mapper, `reconcile` reads and prints the host's ids, each variant once."""
    entry = an_entry()
    other = entry.request.variant_id
    await queue.add(entry)
    run = with_variables(
        call_shelfport, SHELFPORT_MAPPER="shop_ids:Mapper", SHELFPORT_QUEUE_URL=url
    )
    options = ("reconcile", "-", "--json", "--base-url", uuids.url)
    document = json.loads((await run(*options, stdin=b"scarf\nhat\nHAT\nSCARF\n")).out)
    again = json.loads((await run(*options, stdin=b"SCARF\n")).out)

    names = ("given", "present", "missing", "enqueued", "notGiven")
    assert (2, 1, ["HAT"], 1, [other]) == tuple(document[name] for name in names)
    assert [other, "HAT"] == again["notGiven"]


async def test_an_unreadable_variant_has_both_ids(
    call_shelfport: Shelfport, url: str, queue: SqlQueue
) -> None:
    """A variant that `reconcile` cannot read has both ids in JSON, and the host's in text."""
    run = with_variables(
        call_shelfport, SHELFPORT_MAPPER="shop_ids:Mapper", SHELFPORT_QUEUE_URL=url
    )
    arguments = ("reconcile", "-", "--base-url", "http://127.0.0.1:9")
    text = await run(*arguments, stdin=b"HAT")
    document = await run(*arguments, "--json", stdin=b"HAT")

    [entry] = json.loads(document.out)["unreadable"]
    assert (HAT_ID, "HAT") == (entry["variantId"], entry["hostId"])
    assert "unreadable  HAT  " in text.out


async def test_the_queue_speaks_the_hosts_ids(
    call_shelfport: Shelfport, uuids: Sandbox, url: str, queue: SqlQueue
) -> None:
    """`queue list` prints the mapper's id, or without a mapper the id that the host queued."""
    run = with_variables(
        call_shelfport, SHELFPORT_MAPPER="shop_ids:Mapper", SHELFPORT_QUEUE_URL=url
    )
    await run("reconcile", "-", "--base-url", uuids.url, stdin=b"hat")
    key = (await queue.entries())[0].request.idempotency_key

    with_mapper = await run("queue", "list")
    without = await call_shelfport("queue", "list", SHELFPORT_QUEUE_URL=url)
    shown = await run("queue", "show", str(key))

    assert ("HAT", "hat") == (rows(with_mapper)[1][1], rows(without)[1][1])
    assert [["variantId", HAT_ID], ["hostId", "HAT"]] == [
        line.split() for line in shown.out.splitlines()[1:3]
    ]


async def test_check_speaks_the_hosts_ids(call_shelfport: Shelfport, uuids: Sandbox) -> None:
    """`check --variant` takes and prints the host's id, and lists the settings."""
    done = await call_shelfport(
        *("check", "--variant", "scarf", "--base-url", uuids.url),
        SHELFPORT_MAPPER="shop_ids:Mapper",
    )

    assert (0, "") == (done.code, done.err)
    assert "SCARF is IN_STOCK, 34 available" in done.out
    settings = {tuple(line.split()[:2]) for line in done.out.splitlines()}
    assert {("mapper", "shop_ids:Mapper"), ("id_format", "uuid")} <= settings


async def test_check_reads_text_ids(call_shelfport: Shelfport, skus: Sandbox) -> None:
    """`check` takes a SKU as --variant, and its own variant is valid in text format, too."""
    options = ("--base-url", skus.url)
    named = await call_shelfport("check", "--variant", SCARF, *options, SHELFPORT_ID_FORMAT="text")
    without = await call_shelfport("check", *options, SHELFPORT_ID_FORMAT="text")

    assert f"{SCARF} is IN_STOCK" in named.out
    assert (0, 0, True) == (named.code, without.code, "has no record" in without.out)


async def test_check_refuses_a_variant_that_is_none(
    call_shelfport: Shelfport, uuids: Sandbox
) -> None:
    """`check --variant` with text that names no variant is one sentence."""
    done = await call_shelfport("check", "--variant", SCARF, "--base-url", uuids.url)

    assert (2, "", 1) == (done.code, done.out, len(done.err.splitlines()))
    assert "is not a variant id: it must be a UUID" in done.err


async def test_a_host_id_that_the_mapper_does_not_know(
    call_shelfport: Shelfport, uuids: Sandbox
) -> None:
    """An error of the mapper is one sentence that names the text."""
    done = await call_shelfport(
        "get", "GLOVE", "--base-url", uuids.url, SHELFPORT_MAPPER="shop_ids:Mapper"
    )

    assert (2, "", 1) == (done.code, done.out, len(done.err.splitlines()))
    assert "'GLOVE' is not a variant: the mapper raised KeyError" in done.err


NO_MODULE = "mapper is 'no_such_module:x', which cannot be imported"


@pytest.mark.parametrize(
    ("mapper", "arguments", "words"),
    [
        ("no_such_module:x", ("get", "A"), NO_MODULE),
        ("no_such_module:x", ("init", "A"), NO_MODULE),
        ("no_such_module:x", ("reconcile", "-"), NO_MODULE),
        ("no_such_module:x", ("queue", "list"), NO_MODULE),
        ("no_such_module:x", ("worker",), NO_MODULE),
        ("no_such_module:x", ("check",), NO_MODULE),
        ("shop_ids:Nothing", ("get", "A"), "'shop_ids:Nothing', which cannot be imported"),
        ("shop_broken:Mapper", ("get", "A"), "which cannot be imported: no database"),
        ("shop_ids:IDS", ("get", "A"), "mapper is a dict: it must have to_variant and to_host"),
        ("shop_ids", ("get", "A"), "mapper is 'shop_ids': it must be MODULE:NAME"),
    ],
)
@pytest.mark.usefixtures("queue")
async def test_a_mapper_that_cannot_be_used(
    call_shelfport: Shelfport, url: str, arguments: tuple[str, ...], mapper: str, words: str
) -> None:
    """A mapper that cannot be imported, or is none, is one sentence and exit code 2."""
    run = with_variables(
        call_shelfport,
        SHELFPORT_BASE_URL="http://127.0.0.1:9",
        SHELFPORT_QUEUE_URL=url,
        SHELFPORT_MAPPER=mapper,
    )
    done = await run(*arguments, stdin=b"A")
    *before, sentence = done.err.splitlines()

    assert (2, True) == (done.code, words in sentence)
    # `worker` always logs, with the traceback before the sentence.
    assert [] == before or arguments == ("worker",)


async def test_a_worker_with_a_catalog_needs_the_way_back(
    call_shelfport: Shelfport, url: str, queue: SqlQueue, tmp_path: Path
) -> None:
    """`worker --catalog` with a function as mapper is one sentence that asks for both ways."""
    (tmp_path / "shop_catalog.py").write_text(
        "class Catalog:\n"
        "    async def mark_not_orderable(self, ref): ...\n"
        "    async def mark_orderable(self, ref): ...\n"
        "    async def show_status(self, ref, status, as_of): ...\n"
    )
    done = await call_shelfport(
        *("worker", "--catalog", "shop_catalog:Catalog", "--base-url", "http://127.0.0.1:9"),
        SHELFPORT_QUEUE_URL=url,
        SHELFPORT_MAPPER="shop_ids:one_way",
    )

    assert 2 == done.code
    assert done.err.endswith("give a mapper with the methods to_variant and to_host\n")
