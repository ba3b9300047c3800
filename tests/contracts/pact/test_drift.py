"""Each change of the yaml that affects the consumer changes the pact, or is refused.

A change either gives another pact (`differs`: a line of the diff) or no pact at all (`refused`: a
part of the sentence). What the pact does not hold, the exact bounds, the tests of the wire shapes
do (test_inventory_service_yaml.py).
"""

from copy import deepcopy
from typing import Any

import pytest
import yaml

from shelfport.contracts import (
    inventory_events_yaml,
    inventory_service_pact,
    inventory_service_yaml,
)
from shelfport.contracts.pact.generate import (
    EVENTS,
    SERVICE,
    drift,
    interactions,
    interactions_of,
)
from shelfport.contracts.pact.writing import pact_text
from shelfport.contracts.pact.yaml_document import BadContract, root_of
from tests.contracts.pact.answer_changes import ANSWER_CHANGES
from tests.contracts.pact.edits import Change, Edit, add, every, put, strike
from tests.contracts.pact.event_changes import EVENT_CHANGES
from tests.contracts.pact.request_changes import REQUEST_CHANGES, UNKNOWN_WORDS

LEVEL = "components|schemas|InventoryStockLevel|"
ITEM = "components|schemas|InventoryItem|"
PROBLEM = "components|schemas|Problem|"
RESPONSES = "components|responses|"
MANY = "paths|/inventory|get|"

HARMLESS = {
    "other prose": put(LEVEL + "description", "What can be sold."),
    "a level with one more member": put(LEVEL + "properties|warehouse", {"type": "string"}),
    "an item with one more member": put(ITEM + "properties|warehouse", {"type": "string"}),
    "one more header that may be sent": add(
        MANY + "parameters", {"name": "X-Shop", "in": "header", "schema": {"type": "string"}}
    ),
    "one more header in an answer": put(
        RESPONSES + "Forbidden|headers|X-Reason", {"schema": {"type": "string"}}
    ),
    "a title that may be missing": strike(PROBLEM + "required", "title"),
    "schemas in another place": every(
        put("components|schemas|State", {"$ref": "#/components/schemas/StockStatus"}),
        put(LEVEL + "properties|status", {"$ref": "#/components/schemas/State"}),
    ),
}

SERVICE_YAML: Any = yaml.safe_load(inventory_service_yaml())
EVENTS_YAML: Any = yaml.safe_load(inventory_events_yaml())


def check(change: Change, service: Any, events: Any) -> None:
    contract = root_of(service, SERVICE), root_of(events, EVENTS)
    if change.refused is not None:
        with pytest.raises(BadContract) as info:
            interactions_of(*contract)
        assert change.refused in str(info.value)
        assert "\n" not in str(info.value)
        assert str(info.value).startswith((SERVICE, EVENTS))
    else:
        assert change.differs is not None
        text = pact_text(interactions_of(*contract))
        found = drift(text, inventory_service_pact(), "committed")
        changed = [line for line in found.splitlines() if line.startswith(("+ ", "- "))]
        assert any(change.differs in line for line in changed), found


def edited(document: Any, edit: Edit) -> Any:
    copy = deepcopy(document)
    edit(copy)
    return copy


def test_the_committed_pact_is_the_generated_one() -> None:
    """The committed pact is what the yaml files give, byte for byte."""
    text = pact_text(interactions(inventory_service_yaml(), inventory_events_yaml()))

    assert "" == drift(text, inventory_service_pact(), "committed")
    assert text == inventory_service_pact()


SERVICE_CHANGES = [*ANSWER_CHANGES, *REQUEST_CHANGES, *UNKNOWN_WORDS]


@pytest.mark.parametrize("change", SERVICE_CHANGES, ids=lambda change: change.name)
def test_a_change_of_the_service_is_seen(change: Change) -> None:
    """The change gives another pact, or one sentence that says where and why there is none."""
    check(change, edited(SERVICE_YAML, change.edit), EVENTS_YAML)


@pytest.mark.parametrize("change", EVENT_CHANGES, ids=lambda change: change.name)
def test_a_change_of_the_events_is_seen(change: Change) -> None:
    """The same for the events."""
    check(change, SERVICE_YAML, edited(EVENTS_YAML, change.edit))


@pytest.mark.parametrize("edit", HARMLESS.values(), ids=HARMLESS)
def test_what_the_consumer_does_not_read_may_change(edit: Edit) -> None:
    """A change that does not affect the consumer gives the same pact."""
    contract = root_of(edited(SERVICE_YAML, edit), SERVICE), root_of(EVENTS_YAML, EVENTS)

    assert inventory_service_pact() == pact_text(interactions_of(*contract))


def test_what_is_no_contract() -> None:
    """Bad YAML, and YAML that is no OpenAPI, end in one sentence."""
    events = inventory_events_yaml()
    for text, sentence in (
        ("a: [", "inventory-service.yaml is not YAML"),
        ("- a", "inventory-service.yaml holds no object"),
        ("openapi: 3.1.0", "`openapi` is '3.1.0': 3.0.3 is read"),
        ("openapi: 3.0.3", "this is not OpenAPI 3.0"),
    ):
        with pytest.raises(BadContract) as info:
            interactions(text, events)
        assert sentence in str(info.value)
        assert "\n" not in str(info.value)
