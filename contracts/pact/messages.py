"""Makes the messages of the pact from inventory-events.asyncapi.yaml."""

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import attrs

from shelfport.adapters.events.wire import CHANNELS, EVENTS, TYPE, StockEventBody
from shelfport.contracts.pact.consumer import members_of
from shelfport.contracts.pact.matchers import Expectation, expected_body
from shelfport.contracts.pact.schema import schema_of
from shelfport.contracts.pact.states import ProviderState
from shelfport.contracts.pact.yaml_document import Node


@attrs.frozen(kw_only=True)
class MessageInteraction:
    """One event, as the consumer reads it."""

    document: ClassVar[str] = "AsyncAPI"
    description: str
    """Unique in the pact."""
    operation_id: str
    states: Sequence[ProviderState] = ()
    channel: str
    """The address of the channel."""
    content_type: str
    contents: Expectation
    metadata: Mapping[str, Expectation]
    """The headers that the consumer reads."""


def message_interactions(contract: Node) -> list[MessageInteraction]:
    """Every event of the contract, by description.

    Raises:
        BadContract: the consumer does not know an event or a channel, one is missing, or the yaml
            is not understood.
    """
    found = {each.description: each for each in _events_in(contract)}
    if {each.channel for each in found.values()} != set(CHANNELS):
        raise contract.child("channels").error(f"the consumer listens to {', '.join(CHANNELS)}")
    return [found[description] for description in sorted(found)]


def _events_in(contract: Node) -> Iterator[MessageInteraction]:
    for operation_id, operation in contract.child("operations").items():
        if operation.child("action").value != "send":
            raise operation.error("the consumer sends no events: `action` must be `send`")
        channel = operation.child("channel")
        address = channel.child("address").value
        messages = operation.child("messages").elements()
        if len(messages) != 1 or len(channel.child("messages").value) != 1:
            raise operation.error("a channel must have exactly one event, and its operation too")
        [message] = messages
        name = message.child("name").value
        if address not in CHANNELS or EVENTS.get(name) is not CHANNELS[address]:
            raise operation.error(f"the consumer knows no event {name} on the channel {address}")
        headers = schema_of(message.child("headers"))
        if TYPE not in headers.required or headers.properties[TYPE].keywords.get("enum") != [name]:
            raise headers.node.error(f"the header `{TYPE}` must be there, and be {name}")
        payload = schema_of(message.child("payload"))
        yield MessageInteraction(
            description=name,
            operation_id=operation_id,
            channel=address,
            content_type=message.child("contentType").value,
            contents=expected_body(payload, payload.example, members_of(StockEventBody), {}),
            metadata={TYPE: name},
        )
