"""The two endpoints that a provider's team writes for verification (docs/contracts.md).

- `POST /_sandbox/pact/states`: `{"state": name, "params"?: {...}, "action"?: "setup" | "teardown"}`
  sets up a provider state of the pact, or restores the state at the start. 200, or a 400 with the
  reason.
- `POST /_sandbox/pact/messages`: `{"description": event}` answers with a new event of that type,
  its headers base64-encoded in `Pact-Message-Metadata`. 400 for an unknown event type.
"""

import base64
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, Literal
from uuid import uuid4

import msgspec
from aiohttp import web
from msgspec import structs

from shelfport.adapters.events.wire import EVENTS, JSON, TYPE, StockEventBody
from shelfport.adapters.http.wire import InitializeInventoryRequestBody
from shelfport.contracts.pact import states
from shelfport.contracts.sandbox.api import Api
from shelfport.contracts.sandbox.checks import decode, json_body_of, variant_of
from shelfport.contracts.sandbox.faults import ErrorStatus, FaultPlan, Faults
from shelfport.contracts.sandbox.middleware import CONTROL_PREFIX
from shelfport.contracts.sandbox.problems import RequestRefused
from shelfport.contracts.sandbox.seed import CATALOGUE
from shelfport.contracts.sandbox.store import Opened, Store
from shelfport.domain.model import IdFormat

STATES_PATH: Final = CONTROL_PREFIX + "pact/states"
MESSAGES_PATH: Final = CONTROL_PREFIX + "pact/messages"

_ANSWERS: Mapping[type[states.ProviderState], ErrorStatus] = {
    states.CredentialsNotValid: 401,
    states.CredentialsNotEnough: 403,
    states.TooManyRequests: 429,
    states.ServiceFails: 500,
    states.ServiceUnavailable: 503,
}
"""The states in which every request gets the same answer."""

_CHANGE_RULES = {
    "state": "the name of a provider state, or empty",
    "params": "an object, or null",
    "action": "setup or teardown",
}
_MESSAGE_RULES = {"description": f"one of {', '.join(EVENTS)}", "providerStates": "an array"}


class _Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    state: str
    params: dict[str, Any] | None = None
    action: Literal["setup", "teardown"] = "setup"


class _Message(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    description: str
    provider_states: list[Any] = []


class PactEndpoints:
    """The two endpoints over one sandbox.

    Args:
        store: the records and keys.
        plan: the current faults.
        api: holds the keys that a state sets in progress.
        reset: restores the sandbox's state at its start.
        clock: the current instant, aware.
        id_format: what the ids of variants look like.
    """

    def __init__(
        self,
        store: Store,
        plan: FaultPlan,
        api: Api,
        reset: Callable[[], None],
        clock: Callable[[], datetime],
        *,
        id_format: IdFormat,
    ) -> None:
        self._id_format = id_format
        self._store = store
        self._plan = plan
        self._api = api
        self._reset = reset
        self._clock = clock

    def install(self, app: web.Application) -> None:
        """Add the routes to `app`."""
        app.router.add_post(STATES_PATH, self._change_state)
        app.router.add_post(MESSAGES_PATH, self._get_message)

    async def _change_state(self, request: web.Request) -> web.Response:
        change = decode(await json_body_of(request), _Change, _CHANGE_RULES)
        # The verifier sends an empty name for an interaction without states.
        state = _state_of(change, self._id_format) if change.state else None
        if change.action == "teardown":
            self._reset()
        elif state is not None:
            self._set_up(state)
        return web.json_response({})

    def _set_up(self, state: states.ProviderState) -> None:
        match state:
            case states.VariantHasStock(variant_id, quantity, threshold):
                self._store.forget(variant_id)
                self._store.set_stock(variant_id, quantity, threshold)
            case states.VariantHasNoRecord(variant_id):
                self._store.forget(variant_id)
            case states.KeyOpenedRecord(key, variant_id, quantity, threshold):
                self._store.forget(variant_id)
                body = InitializeInventoryRequestBody(variant_id, quantity, threshold)
                if not isinstance(self._store.initialize(key, body), Opened):
                    raise RequestRefused(
                        "invalid-request", f"Idempotency-Key {key} is another variant's."
                    )
            case states.KeyBeingWorkedOn(key, variant_id, quantity, threshold):
                self._api.hold(key, InitializeInventoryRequestBody(variant_id, quantity, threshold))
            case _:
                self._plan.replace(Faults(error_rate=1.0, error_status=_ANSWERS[type(state)]))

    async def _get_message(self, request: web.Request) -> web.Response:
        wanted = decode(await json_body_of(request), _Message, _MESSAGE_RULES)
        if wanted.description not in EVENTS:
            raise RequestRefused(
                "invalid-request",
                f"{wanted.description!r} is no event: it must be {_MESSAGE_RULES['description']}.",
            )
        event = StockEventBody(uuid4(), self._clock(), CATALOGUE[0].variant_id)
        headers = msgspec.json.encode({TYPE: wanted.description, "contentType": JSON})
        return web.Response(
            body=msgspec.json.encode(event),
            content_type=JSON,
            headers={"Pact-Message-Metadata": base64.b64encode(headers).decode()},
        )


def _state_of(change: _Change, id_format: IdFormat) -> states.ProviderState:
    if change.state not in states.STATES:
        raise RequestRefused(
            "invalid-request",
            f"{change.state!r} is no provider state: the states are {', '.join(states.STATES)}.",
        )
    try:
        state = msgspec.convert(
            {**(change.params or {}), "state": change.state}, states.STATES[change.state]
        )
    except msgspec.ValidationError as error:
        raise RequestRefused(
            "invalid-request", f"The params of {change.state!r} are not valid: {error}."
        ) from error
    match state:
        case (
            states.VariantHasStock()
            | states.VariantHasNoRecord()
            | states.KeyOpenedRecord()
            | states.KeyBeingWorkedOn()
        ):
            variant = variant_of("productVariantId", state.product_variant_id, id_format)
            return structs.replace(state, product_variant_id=variant)
        case _:
            return state
