"""The sandbox as a provider under verification: states, set up and torn down, and events."""

import base64
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from shelfport.adapters.events import decode_event
from shelfport.contracts.pact.states import (
    STATES,
    CredentialsNotEnough,
    CredentialsNotValid,
    KeyBeingWorkedOn,
    KeyOpenedRecord,
    ProviderState,
    ServiceFails,
    ServiceUnavailable,
    TooManyRequests,
    VariantHasNoRecord,
    VariantHasStock,
)
from shelfport.contracts.sandbox import Sandbox
from shelfport.domain.model import InventoryLowStock
from tests.contracts.checked_client import Answered, CheckedClient
from tests.contracts.sandbox_setup import IN_STOCK, LOW, UNKNOWN, StillClock

STATES_PATH = "/_sandbox/pact/states"
MESSAGES_PATH = "/_sandbox/pact/messages"
KEY = uuid4()


async def change(client: CheckedClient, state: ProviderState, action: str = "setup") -> Answered:
    body = {"state": state.name(), "params": state.parameters(), "action": action}
    return await client.post(STATES_PATH, json=body)


async def test_stock(client: CheckedClient) -> None:
    """A variant has the stock that the state says, and what else the sandbox had is gone again."""
    await change(client, VariantHasStock(LOW, 40, 50))
    during = await client.get(f"/inventory/{LOW}")
    await change(client, VariantHasStock(LOW, 40, 50), "teardown")
    after = await client.get(f"/inventory/{LOW}")

    assert (40, "LOW_STOCK") == (during.json["availableQuantity"], during.json["status"])
    assert 5 == after.json["availableQuantity"]


async def test_no_record(client: CheckedClient) -> None:
    """A variant without a record has none, and the key that opened one is forgotten."""
    await client.initialize(KEY, UNKNOWN, initialQuantity=3)
    await change(client, VariantHasNoRecord(UNKNOWN))
    gone = await client.get(f"/inventory/{UNKNOWN}")
    again = await client.initialize(KEY, UNKNOWN, initialQuantity=4)

    assert (404, 201) == (gone.status, again.status)


async def test_a_key_that_opened_a_record(client: CheckedClient) -> None:
    """The key's own request is answered again, another one under the key is refused."""
    await change(client, KeyOpenedRecord(KEY, UNKNOWN, 3, 10))
    same = await client.initialize(KEY, UNKNOWN, initialQuantity=3)
    other = await client.initialize(KEY, UNKNOWN, initialQuantity=4)

    assert (201, "key-reused") == (same.status, other.slug)


async def test_a_key_of_another_variant(client: CheckedClient) -> None:
    """A key that opened another variant's record cannot open this one's: the state is refused."""
    await client.initialize(KEY, UNKNOWN)
    refused = await change(client, KeyOpenedRecord(KEY, IN_STOCK, 3, 10))

    assert (400, "invalid-request") == (refused.status, refused.slug)
    assert str(KEY) in refused.detail


async def test_a_key_that_is_being_worked_on(client: CheckedClient) -> None:
    """The request is in progress for as long as the state holds."""
    state = KeyBeingWorkedOn(KEY, UNKNOWN, 3, 10)
    await change(client, state)
    during = await client.initialize(KEY, UNKNOWN, initialQuantity=3)
    await change(client, state, "teardown")
    after = await client.initialize(KEY, UNKNOWN, initialQuantity=3)

    assert ("in-progress", 201) == (during.slug, after.status)


@pytest.mark.parametrize(
    ("state", "slug"),
    [
        (CredentialsNotValid(), "unauthenticated"),
        (CredentialsNotEnough(), "forbidden"),
        (TooManyRequests(), "too-many-requests"),
        (ServiceFails(), "internal-error"),
        (ServiceUnavailable(), "unavailable"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_service_that_does_not_serve(
    client: CheckedClient, state: ProviderState, slug: str
) -> None:
    """Every request has the state's answer, until the state is torn down."""
    await change(client, state)
    during = await client.get(f"/inventory/{IN_STOCK}")
    await change(client, state, "teardown")
    after = await client.get(f"/inventory/{IN_STOCK}")

    assert (slug, 200) == (during.slug, after.status)


def test_every_state_is_tried_here() -> None:
    """A state that is added is added to these tests as well."""
    source = globals()
    assert set() == {state.__name__ for state in STATES.values()} - set(source)


async def test_no_state(client: CheckedClient, sandbox: Sandbox) -> None:
    """The verifier's empty state, for an interaction that asks for none, changes nothing."""
    answered = await client.post(STATES_PATH, json={"state": "", "params": {}, "action": "setup"})

    assert (200, 0) == (answered.status, sandbox.requests())


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"state": "all is well"}, "'all is well' is no provider state: the states are "),
        (
            {"state": "a variant has stock", "params": {"productVariantId": str(LOW)}},
            "The params of 'a variant has stock' are not valid: ",
        ),
        (
            {"state": "a variant has no record", "params": {"productVariantId": "shoe"}},
            "productVariantId has 'shoe': it must be a UUID",
        ),
        ({"state": "", "action": "undo"}, "action is not valid: it must be setup or teardown."),
        ({"params": {}}, "state is missing: it must be the name of a provider state"),
        ({"state": "", "more": 1}, "'more' is not a field: the fields are state, params, action."),
    ],
    ids=["unknown", "params", "an id", "action", "no state", "more"],
)
async def test_a_state_that_is_not_understood(
    client: CheckedClient, body: dict[str, Any], detail: str
) -> None:
    """An invalid state is a 400 with a sentence, and never a 500."""
    answered = await client.post(STATES_PATH, json=body)

    assert (400, "invalid-request") == (answered.status, answered.slug)
    assert answered.detail.startswith(detail)


async def test_the_case_of_a_uuid_in_a_state(client: CheckedClient) -> None:
    """A state's UUID in upper case is the variant of the UUID in lower case."""
    shouted = "ABCDEFAB-CDEF-4BCD-8FAB-CDEFABCDEFAB"
    params = {"productVariantId": shouted, "availableQuantity": 3, "lowStockThreshold": 1}
    await client.post(STATES_PATH, json={"state": "a variant has stock", "params": params})

    assert 3 == (await client.get(f"/inventory/{shouted.lower()}")).json["availableQuantity"]


async def test_events(client: CheckedClient, clock: StillClock) -> None:
    """An event is asked for by its name; its headers come beside it, and ours can read it."""
    answered = await client.post(MESSAGES_PATH, json={"description": "InventoryLowStockEvent"})
    headers = msgspec.json.decode(base64.b64decode(answered.headers["Pact-Message-Metadata"]))
    delivered = decode_event(answered.body, now=clock(), headers=headers)

    assert {"type": "InventoryLowStockEvent", "contentType": "application/json"} == headers
    assert isinstance(delivered.event, InventoryLowStock)
    assert clock() == delivered.event.occurred_at


async def test_an_unknown_event(client: CheckedClient) -> None:
    """A request for an unknown event type is refused."""
    answered = await client.post(
        MESSAGES_PATH, json={"description": "InventoryGoneEvent", "providerStates": []}
    )

    assert (400, "invalid-request") == (answered.status, answered.slug)
    assert answered.detail.startswith("'InventoryGoneEvent' is no event: it must be ")
