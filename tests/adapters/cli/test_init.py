import json
from uuid import uuid4

from shelfport.contracts.sandbox import CATALOGUE, Faults, Sandbox
from tests.adapters.cli.conftest import Shelfport


async def test_init_opens_a_record(run_shelfport: Shelfport, sandbox: Sandbox) -> None:
    """`init` opens the record with the given numbers."""
    variant = str(uuid4())
    done = await run_shelfport(
        *("init", variant, "--quantity", "4", "--low-stock-threshold", "2"),
        *("--base-url", sandbox.url),
    )

    assert [variant, "IN_STOCK", "4", "record", "opened"] == done.out.splitlines()[1].split()
    assert (0, "", [201]) == (done.code, done.err, [e.status for e in sandbox.journal])


async def test_init_of_an_existing_record(run_shelfport: Shelfport, sandbox: Sandbox) -> None:
    """An existing record is not changed; the exit code is 0."""
    variant = str(CATALOGUE[0].variant_id)
    done = await run_shelfport("init", variant, "--quantity", "9", "--base-url", sandbox.url)

    assert [variant, "IN_STOCK", "34", "already", "there"] == done.out.splitlines()[1].split()
    assert (0, "") == (done.code, done.err)


async def test_the_same_key_repeats_the_same_operation(
    call_shelfport: Shelfport, sandbox: Sandbox
) -> None:
    """A second run with the same --idempotency-key gets the record of the first one."""
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
    """A failed --json run prints its document; stderr has the option that repeats it."""
    sandbox.faults = Faults(mode="down")
    done = await call_shelfport("init", str(uuid4()), "--json", "--base-url", sandbox.url)

    document = json.loads(done.out)
    assert ("FAILED", None) == (document["outcome"], document["itemId"])
    assert ("ServiceOverloaded", True, "yes", 503) == tuple(
        document["error"][k] for k in ("type", "retryable", "reachedService", "httpStatus")
    )
    assert (1, 1) == (done.code, len(done.err.splitlines()))
    assert done.err.endswith(f"add --idempotency-key {document['idempotencyKey']}\n")


async def test_a_permanent_failure(call_shelfport: Shelfport, sandbox: Sandbox) -> None:
    """A permanent failure is one sentence without advice to repeat it; stdout is empty."""
    key = str(uuid4())
    arguments = ("--idempotency-key", key, "--base-url", sandbox.url)
    await call_shelfport("init", str(uuid4()), *arguments)
    done = await call_shelfport("init", str(uuid4()), *arguments)

    assert (1, "", 1) == (done.code, done.out, len(done.err.splitlines()))
    assert (True, False) == ("key" in done.err, "repeat this request" in done.err)


async def test_init_refuses_a_negative_quantity(call_shelfport: Shelfport) -> None:
    """A number out of bounds is exit code 2, without a request."""
    done = await call_shelfport(
        "init", str(uuid4()), "--quantity=-1", "--base-url", "http://127.0.0.1:9"
    )

    assert (2, "", 1) == (done.code, done.out, len(done.err.splitlines()))
    assert "initial_quantity is -1" in done.err
