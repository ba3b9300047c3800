from collections.abc import Mapping

import pytest
from aiohttp import web

from shelfport.contracts.broker import BrokerAccess
from shelfport.contracts.errors import ContractsError
from tests.contracts.broker.double import BrokerDouble, running
from tests.support.servers import serving
from tests.support.services import free_port

URL = "https://broker.example"


def test_all_from_the_environment() -> None:
    """Address and credentials come from Pact's own variables, and go back into them."""
    variables = {
        "PACT_BROKER_BASE_URL": URL,
        "PACT_BROKER_USERNAME": "reader",
        "PACT_BROKER_PASSWORD": "sesame",
    }

    assert variables == BrokerAccess.from_environment(None, variables | {"HOME": "/"}).variables


def test_an_address_that_is_given_wins() -> None:
    """A given address wins over the variable, and loses its slash at the end."""
    access = BrokerAccess.from_environment(
        "http://127.0.0.1:9292/", {"PACT_BROKER_BASE_URL": URL, "PACT_BROKER_TOKEN": "sesame"}
    )

    assert {
        "PACT_BROKER_BASE_URL": "http://127.0.0.1:9292",
        "PACT_BROKER_TOKEN": "sesame",
    } == access.variables


def test_secrets_are_not_shown() -> None:
    """Token and password are masked wherever an access is printed."""
    for secret in ("PACT_BROKER_TOKEN", "PACT_BROKER_PASSWORD"):
        variables = {secret: "sesame"} | (
            {"PACT_BROKER_USERNAME": "reader"} if "PASSWORD" in secret else {}
        )
        assert "sesame" not in repr(BrokerAccess.from_environment(URL, variables))


@pytest.mark.parametrize(
    ("url", "variables", "sentence"),
    [
        (None, {}, "no Pact broker is given: give --broker, or set PACT_BROKER_BASE_URL"),
        ("broker.example", {}, "the Pact broker's address is 'broker.example': http://host or "),
        (
            "https://reader:sesame@broker.example",
            {},
            "the Pact broker's address has credentials in it: set PACT_BROKER_TOKEN, or ",
        ),
        (
            URL,
            {"PACT_BROKER_TOKEN": "sesame", "PACT_BROKER_USERNAME": "reader"},
            "PACT_BROKER_TOKEN and PACT_BROKER_USERNAME or PACT_BROKER_PASSWORD are both set: ",
        ),
        (
            URL,
            {"PACT_BROKER_USERNAME": "reader"},
            "PACT_BROKER_USERNAME and PACT_BROKER_PASSWORD belong together: set both",
        ),
    ],
    ids=["none", "no address", "credentials", "two kinds", "half"],
)
def test_what_makes_no_access(url: str | None, variables: Mapping[str, str], sentence: str) -> None:
    """Invalid variables are refused in a sentence without the secret."""
    with pytest.raises(ValueError, match=r"PACT_BROKER|address") as caught:
        BrokerAccess.from_environment(url, variables)

    assert str(caught.value).startswith(sentence)
    assert "sesame" not in str(caught.value)


async def test_a_broker_answers() -> None:
    """With correct credentials of either kind, the check passes."""
    token = {"PACT_BROKER_TOKEN": "sesame"}
    basic = {"PACT_BROKER_USERNAME": "reader", "PACT_BROKER_PASSWORD": "sesame"}
    async with running(BrokerDouble(token="sesame", basic=("reader", "sesame"))) as broker:
        for variables in (token, basic):
            await BrokerAccess.from_environment(broker.url, variables).check()

    assert [("GET", "/")] * 2 == broker.requests


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({}, "it requires credentials; set PACT_BROKER_TOKEN, or PACT_BROKER_USERNAME and "),
        ({"PACT_BROKER_TOKEN": "sesam"}, "it does not accept the credentials of the environment"),
    ],
    ids=["none", "wrong"],
)
async def test_credentials_are_not_accepted(variables: Mapping[str, str], reason: str) -> None:
    """Missing and wrong credentials give different sentences, which do not show them."""
    async with running(BrokerDouble(token="sesame")) as broker:
        with pytest.raises(ContractsError) as caught:
            await BrokerAccess.from_environment(broker.url, variables).check()

    sentence = f"the Pact broker at {broker.url} answers 401: {reason}"
    assert str(caught.value).startswith(sentence)
    assert "sesam" not in str(caught.value)


async def test_a_broker_that_is_down() -> None:
    """A broker that is down gives one sentence with the system's reason."""
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(ContractsError) as caught:
        await BrokerAccess.from_environment(url, {}).check()

    sentence = f"the Pact broker at {url} cannot be reached: Connection refused"
    assert sentence == str(caught.value)


async def test_a_server_that_is_no_broker() -> None:
    """A server without a broker's links is reported as no broker."""

    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text="<html>", content_type="text/html")

    async with serving(answer) as service:
        with pytest.raises(ContractsError) as caught:
            await BrokerAccess.from_environment(service.url, {}).check()

    sentence = f"there is no Pact broker at {service.url}: it answered 200 with text/html"
    assert sentence == str(caught.value)
