import json
from uuid import uuid4

from shelfport.contracts.sandbox import CATALOGUE, Faults, Sandbox
from tests.adapters.cli.conftest import Shelfport


async def test_init_opens_a_record(run_shelfport: Shelfport, sandbox: Sandbox) -> None:
    """`init` opens the record with the numbers it was given, and says so."""
    variant = str(uuid4())
    done = await run_shelfport(
        *("init", variant, "--quantity", "4", "--low-stock-threshold", "2"),
        *("--base-url", sandbox.url),
    )

    assert [variant, "IN_STOCK", "4", "record", "opened"] == done.out.splitlines()[1].split()
    assert (0, "", [201]) == (done.code, done.err, [e.status for e in sandbox.journal])


async def test_init_again_finds_it_there(run_shelfport: Shelfport, sandbox: Sandbox) -> None:
    """A record that is there already is left alone: that is an answer, with exit code 0."""
    variant = str(CATALOGUE[0].variant_id)
    done = await run_shelfport("init", variant, "--quantity", "9", "--base-url", sandbox.url)

    assert [variant, "IN_STOCK", "34", "already", "there"] == done.out.splitlines()[1].split()
    assert (0, "") == (done.code, done.err)


async def test_the_same_key_repeats_the_same_operation(
    call_shelfport: Shelfport, sandbox: Sandbox
) -> None:
    """Under one --idempotency-key a second run is told of the record that the first one opened."""
    variant, key = str(uuid4()), str(uuid4())
    arguments = ("init", variant, "--idempotency-key", key, "--json", "--base-url", sandbox.url)
    first = json.loads((await call_shelfport(*arguments)).out)
    second = json.loads((await call_shelfport(*arguments)).out)

    assert ("CREATED", "CREATED") == (first["outcome"], second["outcome"])
    assert (first["itemId"], key) == (second["itemId"], second["idempotencyKey"])
    assert [key, key] == [entry.idempotency_key for entry in sandbox.journal]


async def test_a_failure_is_a_document_and_a_sentence(
    call_shelfport: Shelfport, sandbox: Sandbox
) -> None:
    """A failed --json run still prints its document; stderr tells how to try the same again."""
    sandbox.faults = Faults(mode="down")
    done = await call_shelfport("init", str(uuid4()), "--json", "--base-url", sandbox.url)

    document = json.loads(done.out)
    assert ("FAILED", None) == (document["outcome"], document["itemId"])
    assert ("ServiceOverloaded", True, "yes", 503) == tuple(
        document["error"][k] for k in ("type", "retryable", "reachedService", "httpStatus")
    )
    assert (1, 1) == (done.code, len(done.err.splitlines()))
    assert done.err.endswith(f"add --idempotency-key {document['idempotencyKey']}\n")


async def test_a_reused_key_is_not_worth_repeating(
    call_shelfport: Shelfport, sandbox: Sandbox
) -> None:
    """A permanent failure is told without advice to repeat it, and nothing is on stdout."""
    key = str(uuid4())
    arguments = ("--idempotency-key", key, "--base-url", sandbox.url)
    await call_shelfport("init", str(uuid4()), *arguments)
    done = await call_shelfport("init", str(uuid4()), *arguments)

    assert (1, "", 1) == (done.code, done.out, len(done.err.splitlines()))
    assert (True, False) == ("key" in done.err, "try the same again" in done.err)


async def test_init_refuses_a_quantity_that_counts_nothing(call_shelfport: Shelfport) -> None:
    """A number out of bounds is bad use, and nobody is asked."""
    done = await call_shelfport(
        "init", str(uuid4()), "--quantity=-1", "--base-url", "http://127.0.0.1:9"
    )

    assert (2, "", 1) == (done.code, done.out, len(done.err.splitlines()))
    assert "initial_quantity is -1" in done.err
