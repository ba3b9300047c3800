from pathlib import Path

import msgspec
import pytest

from shelfport.contracts import tool
from shelfport.contracts.errors import ContractsError
from shelfport.contracts.sandbox import Sandbox
from shelfport.contracts.tool import ToolMissing
from tests.adapters.cli.conftest import Shelfport, Started
from tests.contracts.verify.broken import STOCKED, WAYS, broken
from tests.support.services import free_port

STATES, MESSAGES = "/_sandbox/pact/states", "/_sandbox/pact/messages"


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BASE_URL", "TOKEN", "USERNAME", "PASSWORD"):
        monkeypatch.delenv(f"PACT_BROKER_{name}", raising=False)


def at(url: str, sandbox: Sandbox, *more: str) -> tuple[str, ...]:
    return (
        *("contracts", "verify", "--provider-url", url),
        *("--states-url", sandbox.states_url, "--messages-url", sandbox.messages_url),
        *more,
    )


async def test_interactions_that_hold(call_shelfport: Shelfport, sandbox: Sandbox) -> None:
    """Every interaction has a line, and the last line counts them."""
    done = await call_shelfport(*at(sandbox.url, sandbox, "--only", "getStockLevel of"))

    held = (
        "holds    getStockLevel of a variant with stock\n"
        "holds    getStockLevel of a variant without a record\n"
    )
    assert (0, f"{held}\n2 of 2 interactions hold\n", "") == (done.code, done.out, done.err)


async def test_interactions_that_fail(call_shelfport: Shelfport, sandbox: Sandbox) -> None:
    """A failed interaction is printed with its state and its mismatches."""
    async with broken(sandbox, WAYS[0]) as url:
        done = await call_shelfport(*at(url, sandbox, "--only", "getStockLevel of"))

    assert (1, "") == (done.code, done.err)
    assert (
        f"failed   {STOCKED}\n"
        "         given that a variant has stock\n"
        "         body $: Actual map is missing the following keys: updatedAt\n"
    ) in done.out
    assert done.out.endswith("\n1 of 2 interactions hold, 1 failed\n")


async def test_the_document(call_shelfport: Shelfport, sandbox: Sandbox) -> None:
    """With --json, one document has every interaction."""
    async with broken(sandbox, WAYS[0]) as url:
        done = await call_shelfport(*at(url, sandbox, "--only", "getStockLevel of", "--json"))

    mismatch = {"where": "body $", "what": "Actual map is missing the following keys: updatedAt"}
    assert (1, "") == (done.code, done.err)
    assert {
        "ok": False,
        "published": False,
        "interactions": [
            {
                "description": STOCKED,
                "verdict": "FAILED",
                "given": "a variant has stock",
                "mismatches": [mismatch],
            },
            {
                "description": "getStockLevel of a variant without a record",
                "verdict": "HOLDS",
                "given": "",
                "mismatches": [],
            },
        ],
        "schema": 1,
    } == msgspec.json.decode(done.out)


async def test_a_provider_s_token(call_shelfport: Shelfport) -> None:
    """PACT_PROVIDER_TOKEN replaces the token of the pacts, and is not printed."""
    async with Sandbox(token="sesame") as sandbox:
        arguments = at(sandbox.url, sandbox, "--only", "getStockLevel of")
        without = await call_shelfport(*arguments)
        with_it = await call_shelfport(*arguments, PACT_PROVIDER_TOKEN="sesame")

    assert (1, 0) == (without.code, with_it.code)
    assert "sesame" not in with_it.out + with_it.err


async def test_given_pact_files(call_shelfport: Shelfport, tmp_path: Path) -> None:
    """With --pact, only these files are verified."""
    interaction = {
        "type": "Synchronous/HTTP",
        "description": "health",
        "request": {"method": "GET", "path": "/_sandbox/health"},
        "response": {"status": 200},
    }
    pact = {
        "consumer": {"name": "shop"},
        "provider": {"name": "inventory-service"},
        "interactions": [interaction],
        "metadata": {"pactSpecification": {"version": "4.0"}},
    }
    (tmp_path / "pact.json").write_bytes(msgspec.json.encode(pact))
    async with Sandbox() as sandbox:
        done = await call_shelfport(*at(sandbox.url, sandbox, "--pact", str(tmp_path)))

    assert (0, "holds    health\n\n1 of 1 interactions hold\n") == (done.code, done.out)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--pact", "nowhere.json"), "the pact file nowhere.json cannot be read: No such file or"),
        (("--only", "nothing like it"), "no interaction has 'nothing like it' in its description"),
        (("--timeout", "0"), "timeout is 0: it must be more than 0 seconds"),
        (("--publish",), "--publish needs a Pact broker: give --broker, too"),
        (("--pending",), "--pending needs a Pact broker: give --broker, too"),
        (("--consumer-branch", "x"), "--consumer-branch needs a Pact broker: give --broker, too"),
        (("--broker", "x"), "the Pact broker's address is 'x': http://host or https://host is"),
        (("--broker", "http://x", "--pact", "y"), "--pact and --broker are both given: give one"),
        (("--states-url", "states"), "'states' is no address: http://host or https://host is"),
        (("--provider-url", "http://u:sesame@x"), "an address of x has credentials, a query or"),
        (("--provider-url", "http://[x"), "'http://[x' is no address: "),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
async def test_misuse(call_shelfport: Shelfport, options: tuple[str, ...], sentence: str) -> None:
    """Invalid options are one sentence and exit code 2, without a request."""
    url = () if "--provider-url" in options else ("--provider-url", "http://127.0.0.1:9")
    done = await call_shelfport("contracts", "verify", *url, *options)

    assert (2, "", 1) == (done.code, done.out, len(done.err.splitlines()))
    assert done.err.startswith(f"shelfport: {sentence}")
    assert "sesame" not in done.err


async def test_an_unreachable_provider(call_shelfport: Shelfport) -> None:
    """An unreachable provider is one sentence, and exit code 1."""
    url = f"http://127.0.0.1:{free_port()}"
    done = await call_shelfport("contracts", "verify", "--provider-url", url)

    assert (1, "") == (done.code, done.out)
    assert f"shelfport: {url} cannot be reached: Connection refused\n" == done.err


async def test_a_missing_extra(
    call_shelfport: Shelfport, monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    """Without the extra, one sentence names it."""

    def missing() -> str:
        raise ToolMissing('this needs pact-python-cli: pip install "shelfport[contracts]"')

    monkeypatch.setattr(tool, "find_tool", missing)
    done = await call_shelfport(*at(sandbox.url, sandbox))

    assert (2, "") == (done.code, done.out)
    assert 'shelfport: this needs pact-python-cli: pip install "shelfport[contracts]"\n' == done.err
    assert issubclass(ToolMissing, ContractsError)


async def test_the_command_in_a_process(run_shelfport: Shelfport, started: Started) -> None:
    """One process verifies the sandbox of another; in a pipe there are no colours."""
    async with started("sandbox", "--port", "0") as process:
        assert process.stdout is not None
        url = (await process.stdout.readline()).decode().split()[-1]
        options = ("--states-url", url + STATES, "--messages-url", url + MESSAGES)
        done = await run_shelfport("contracts", "verify", "--provider-url", url, *options)

    assert (0, "") == (done.code, done.err)
    assert done.out.endswith("\n31 of 31 interactions hold\n")
    assert "\x1b" not in done.out


async def test_without_a_provider_url(call_shelfport: Shelfport) -> None:
    """Without --provider-url, one sentence names the option."""
    done = await call_shelfport("contracts", "verify")

    assert (2, 1) == (done.code, len(done.err.splitlines()))
    assert "--provider-url" in done.err
