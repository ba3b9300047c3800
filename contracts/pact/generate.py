"""Generates the interactions from the two yaml files, and compares pact files."""

import json
from difflib import unified_diff
from typing import Any

from openapi_spec_validator import OpenAPIV30SpecValidator

from shelfport.contracts.pact.interactions import HttpInteraction, http_interactions
from shelfport.contracts.pact.messages import MessageInteraction, message_interactions
from shelfport.contracts.pact.yaml_document import BadContract, Node, read_yaml

SERVICE = "inventory-service.yaml"
EVENTS = "inventory-events.asyncapi.yaml"

Interaction = HttpInteraction | MessageInteraction


def interactions(service: str, events: str) -> list[Interaction]:
    """Every interaction that the consumer requires of the provider.

    Args:
        service: the text of an inventory-service.yaml.
        events: the text of an inventory-events.asyncapi.yaml.

    Raises:
        BadContract: see `interactions_of`; or a text is not YAML.
    """
    return interactions_of(read_yaml(service, SERVICE), read_yaml(events, EVENTS))


def interactions_of(service: Node, events: Node) -> list[Interaction]:
    """The interactions of documents that are already parsed.

    Raises:
        BadContract: a document is not valid, is not understood, or does not promise what the
            consumer reads; one sentence that begins with the position.
    """
    for root in (service, events):
        root.check_references()
    _check_openapi(service)
    return [*http_interactions(service), *message_interactions(events)]


def drift(generated: str, other: str, name: str) -> str:
    """The differences between another pact and the generated one; empty if they are equal.

    Args:
        generated: the text of the generated pact.
        other: the text of the other pact.
        name: the other pact's name in the output.

    Returns:
        For each interaction that differs a unified diff under its description.

    Raises:
        BadContract: the other text is no pact.
    """
    if generated == other:
        return ""
    here, there = _interactions_in(generated, "generated"), _interactions_in(other, name)
    lines: list[str] = []
    for description in sorted(here.keys() | there.keys()):
        lines += unified_diff(
            there.get(description, []),
            here.get(description, []),
            f"{name}: {description}",
            f"generated: {description}",
        )
    if not lines:  # the same interactions, in another order or form
        lines += unified_diff(_lines(other), _lines(generated), name, "generated")
    return "".join(lines)


def _interactions_in(text: str, name: str) -> dict[str, list[str]]:
    """The interactions of a pact, each as lines."""
    try:
        return {
            each["description"]: _lines(json.dumps(each, indent=2, sort_keys=True) + "\n")
            for each in json.loads(text)["interactions"]
        }
    except (ValueError, KeyError, TypeError) as error:
        raise BadContract(f"{name} is no pact: a JSON object with interactions") from error


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def _check_openapi(root: Node) -> None:
    value: Any = root.value
    if value.get("openapi") != "3.0.3":
        raise root.error(f"`openapi` is {value.get('openapi')!r}: 3.0.3 is read")
    for error in OpenAPIV30SpecValidator(value).iter_errors():
        where = "".join(f"/{step}" for step in error.absolute_path)
        message = " ".join(error.message.split())[:200]
        raise BadContract(f"{SERVICE}#{where}: this is not OpenAPI 3.0: {message}")
