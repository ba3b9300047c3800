"""The whole way: from the two yaml files to the pact file, and whether another one differs."""

from difflib import unified_diff
from typing import Any

from openapi_spec_validator import OpenAPIV30SpecValidator

from shelfport.contracts.pact.document import ContractError, Node, read_yaml
from shelfport.contracts.pact.events import MessageInteraction, message_interactions
from shelfport.contracts.pact.interactions import HttpInteraction, http_interactions

SERVICE = "inventory-service.yaml"
EVENTS = "inventory-events.asyncapi.yaml"

Interaction = HttpInteraction | MessageInteraction


def interactions(service: str, events: str) -> list[Interaction]:
    """Everything that the consumer asks of the provider.

    Args:
        service: the text of an inventory-service.yaml.
        events: the text of an inventory-events.asyncapi.yaml.

    Raises:
        ContractError: see `interactions_of`; or one of them is not YAML.
    """
    return interactions_of(read_yaml(service, SERVICE), read_yaml(events, EVENTS))


def interactions_of(service: Node, events: Node) -> list[Interaction]:
    """The same, from documents that are already read.

    Raises:
        ContractError: one of them is not valid, is not understood, or does not promise what the
            consumer reads; one sentence that begins with the spot.
    """
    for root in (service, events):
        root.check_references()
    _check_openapi(service)
    return [*http_interactions(service), *message_interactions(events)]


def drift(generated: str, other: str, name: str) -> str:
    """What differs between the generated pact and another one, as a diff; empty if nothing does."""
    lines = unified_diff(
        other.splitlines(keepends=True), generated.splitlines(keepends=True), name, "generated"
    )
    return "".join(lines)


def _check_openapi(root: Node) -> None:
    value: Any = root.value
    if value.get("openapi") != "3.0.3":
        raise root.error(f"`openapi` is {value.get('openapi')!r}: 3.0.3 is read")
    for error in OpenAPIV30SpecValidator(value).iter_errors():
        where = "".join(f"/{step}" for step in error.absolute_path)
        told = " ".join(error.message.split())[:200]
        raise ContractError(f"{SERVICE}#{where}: this is not OpenAPI 3.0: {told}")
