"""The commands that need a broker: a consumer's pipeline, and its failures."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from shelfport.contracts.sandbox import Sandbox
from tests.adapters.cli.conftest import Shelfport
from tests.contracts.broker.double import BrokerDouble, running
from tests.contracts.broker.state import Publication
from tests.support.services import free_port

VERSION = ("--version", "1a2b")
PUBLISH = ("contracts", "publish", *VERSION)
ASK = ("contracts", "can-i-deploy", "--to-environment", "test", *VERSION)
RECORD = ("contracts", "record-deployment", "--environment", "test", *VERSION)


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BASE_URL", "TOKEN", "USERNAME", "PASSWORD"):
        monkeypatch.delenv(f"PACT_BROKER_{name}", raising=False)


@pytest.fixture
async def broker() -> AsyncIterator[BrokerDouble]:
    async with running(BrokerDouble(token="sesame")) as double:
        yield double


def variables(broker: BrokerDouble) -> dict[str, Any]:
    return {"PACT_BROKER_BASE_URL": broker.url, "PACT_BROKER_TOKEN": "sesame"}


async def test_the_pipeline(
    call_shelfport: Shelfport, broker: BrokerDouble, sandbox: Sandbox
) -> None:
    """Publish, verify, record and ask: each step prints its result."""
    env = variables(broker)
    published = await call_shelfport(*PUBLISH, "--branch", "main", **env)
    verify = (
        *("contracts", "verify", "--provider-url", sandbox.url, "--broker", broker.url),
        *("--states-url", sandbox.states_url, "--messages-url", sandbox.messages_url),
        *("--publish", "--provider-version", "9f8e", "--provider-branch", "main"),
    )
    verified = await call_shelfport(*verify, **env)
    provider = ("--pacticipant", "inventory-service", "--version", "9f8e")
    recorded = await call_shelfport(*RECORD[:-2], *provider, **env)
    decided = await call_shelfport(*ASK, **env)
    document = await call_shelfport(*ASK, "--json", **env)

    at = f"The broker at {broker.url}"
    assert f"{at} has the pact of shelfport 1a2b of branch main.\n" == published.out
    assert verified.out.endswith(f"\n31 of 31 interactions hold\n{at} has the results.\n")
    assert f"{at} has recorded inventory-service 9f8e in test.\n" == recorded.out
    assert (
        "yes: All required verification results are published and successful\n"
        "  shelfport 1a2b with inventory-service 9f8e: verified\n"
    ) == decided.out
    assert {
        "deployable": True,
        "reason": "All required verification results are published and successful",
        "pairs": [
            {
                "consumer": "shelfport",
                "consumerVersion": "1a2b",
                "provider": "inventory-service",
                "providerVersion": "9f8e",
                "success": True,
            }
        ],
        "schema": 1,
    } == msgspec.json.decode(document.out)
    done = (published, verified, recorded, decided, document)
    assert [(0, "")] * 5 == [(each.code, each.err) for each in done]
    assert "sesame" not in "".join(each.out for each in done)


async def test_results_that_the_broker_refuses(
    call_shelfport: Shelfport, broker: BrokerDouble, sandbox: Sandbox
) -> None:
    """Results that the broker refuses are printed, and the exit code is 1."""
    await call_shelfport(*PUBLISH, "--branch", "main", **variables(broker))
    broker.read_only = True
    verify = (
        *("contracts", "verify", "--provider-url", sandbox.url, "--broker", broker.url),
        *("--states-url", sandbox.states_url, "--messages-url", sandbox.messages_url),
        *("--publish", "--provider-version", "9f8e"),
    )
    done = await call_shelfport(*verify, **variables(broker))

    assert (1, 1) == (done.code, len(done.err.splitlines()))
    assert done.out.endswith("\n31 of 31 interactions hold\n")
    assert done.err.startswith("shelfport: the results could not be published: ")
    assert "403" in done.err


async def test_not_verified(call_shelfport: Shelfport, broker: BrokerDouble) -> None:
    """Without a verification the answer is not known, and the exit code is 1."""
    await call_shelfport(*PUBLISH, **variables(broker))
    done = await call_shelfport(*ASK, **variables(broker))

    assert (1, "") == (done.code, done.err)
    assert done.out.startswith("not known: There is no verified pact between version 1a2b of ")
    assert done.out.endswith("\n  shelfport 1a2b with inventory-service: not verified\n")


async def test_under_the_host_s_name(call_shelfport: Shelfport, broker: BrokerDouble) -> None:
    """A host publishes the pact under its own name."""
    await call_shelfport(*PUBLISH, "--consumer", "product-service", **variables(broker))

    assert [("product-service", "1a2b")] == [
        (each.content["consumer"]["name"], each.version) for each in broker.state.publications
    ]


async def test_published_again(call_shelfport: Shelfport, broker: BrokerDouble) -> None:
    """Another pact of the same version is refused in one sentence with the fix."""
    broker.state.publish(_another())
    done = await call_shelfport(*PUBLISH, **variables(broker))

    assert (1, "") == (done.code, done.out)
    assert (
        "shelfport: the broker has another pact of shelfport 1a2b already: publish a changed "
        "pact under another version\n"
    ) == done.err


def _another() -> Publication:
    return Publication("shelfport", "inventory-service", "1a2b", "another", {})


@pytest.mark.parametrize("command", [PUBLISH, ASK, RECORD], ids=lambda words: words[1])
async def test_a_broker_that_does_not_answer(
    call_shelfport: Shelfport, broker: BrokerDouble, command: tuple[str, ...]
) -> None:
    """A wrong token and a broker that is down are one sentence each, and exit code 1."""
    wrong = await call_shelfport(*command, PACT_BROKER_TOKEN="x", PACT_BROKER_BASE_URL=broker.url)
    url = f"http://127.0.0.1:{free_port()}"
    down = await call_shelfport(*command, "--broker", url)

    at = "shelfport: the Pact broker at"
    assert (1, "", 1, "") == (wrong.code, wrong.out, down.code, down.out)
    assert (
        f"{at} {broker.url} answers 401: it does not accept the credentials of the environment\n"
        == wrong.err
    )
    assert f"{at} {url} cannot be reached: Connection refused\n" == down.err


@pytest.mark.parametrize("command", [PUBLISH, ASK, RECORD], ids=lambda words: words[1])
async def test_no_broker(call_shelfport: Shelfport, command: tuple[str, ...]) -> None:
    """Without a broker, one sentence says how to name it."""
    done = await call_shelfport(*command)

    assert (2, "") == (done.code, done.out)
    assert (
        "shelfport: no Pact broker is given: give --broker, or set PACT_BROKER_BASE_URL\n"
        == done.err
    )


async def test_waiting_makes_sense(call_shelfport: Shelfport) -> None:
    """--wait is a number of seconds."""
    done = await call_shelfport(*ASK, "--wait", "-1", "--broker", "http://127.0.0.1:9")

    assert (2, "shelfport: --wait is -1: it must be 0 seconds or more\n") == (done.code, done.err)
