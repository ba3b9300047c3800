"""Writes interactions to a pact file, with Pact's own library.

The library's own versions are removed from the file, so that it depends on the interactions only.
"""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from shelfport.contracts.pact.consumer import CONSUMER, PROVIDER
from shelfport.contracts.pact.generate import Interaction
from shelfport.contracts.pact.interactions import HttpInteraction
from shelfport.contracts.pact.matchers import Expectation, regex
from shelfport.contracts.pact.messages import MessageInteraction

# Before the import: turns off the library's usage reports.
os.environ["PACT_DO_NOT_TRACK"] = "true"

from pact import Pact

FILE_NAME = f"{CONSUMER}-{PROVIDER}.json"


def new_pact(*interactions: Interaction) -> Pact:
    """A Pact of these interactions, to serve or to write."""
    pact = Pact(CONSUMER, PROVIDER).with_specification("V4")
    for interaction in interactions:
        match interaction:
            case HttpInteraction():
                _add_http(pact, interaction)
            case MessageInteraction():
                _add_message(pact, interaction)
    return pact


def pact_text(interactions: Iterable[Interaction]) -> str:
    """The text of the pact file of these interactions."""
    with TemporaryDirectory() as folder:
        new_pact(*interactions).write_file(folder)
        return normal_form(Path(folder, FILE_NAME).read_text("utf-8"))


def normal_form(written: str) -> str:
    """A pact file as it is committed: without the library's versions and repeated matchers."""
    pact = json.loads(written)
    pact["metadata"] = {"pactSpecification": pact["metadata"]["pactSpecification"]}
    return (
        json.dumps(_without_duplicates(pact), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    )


def _without_duplicates(value: Any) -> Any:
    """The value without repeated matchers, which elements of a list have in common."""
    match value:
        case {"matchers": list(matchers), **rest}:
            kept = [m for place, m in enumerate(matchers) if m not in matchers[:place]]
            return {"matchers": kept, **rest}
        case dict():
            return {name: _without_duplicates(member) for name, member in value.items()}
        case list():
            return [_without_duplicates(element) for element in value]
        case _:
            return value


def _add_http(pact: Pact, interaction: HttpInteraction) -> None:
    request, response = interaction.request, interaction.response
    added = pact.upon_receiving(interaction.description, "HTTP")
    _add_common(added, interaction)
    added.with_request(request.method, _as_text(request.path))
    for name, value in request.query.items():
        added.with_query_parameter(name, _as_text(value))
    for name, value in request.headers.items():
        added.with_header(name, _as_text(value))
    if request.content_type is not None:
        added.with_header("Content-Type", _as_text(_media_type(request.content_type)))
        added.with_body(request.body, request.content_type)
    added.will_respond_with(response.status)
    for name, value in response.headers.items():
        added.with_header(name, _as_text(value))
    added.with_header("Content-Type", _as_text(_media_type(response.content_type)))
    added.with_body(response.body, response.content_type)


def _add_message(pact: Pact, interaction: MessageInteraction) -> None:
    added = pact.upon_receiving(interaction.description, "Async")
    _add_common(added, interaction)
    added.with_body(interaction.contents, interaction.content_type)
    added.with_metadata(dict(interaction.metadata))


def _add_common(added: Any, interaction: Interaction) -> None:
    added.add_external_reference(interaction.document, "operationId", interaction.operation_id)
    for state in interaction.states:
        added.given(state.name(), state.parameters())


def _media_type(name: str) -> Expectation:
    """The content type, with or without parameters such as a charset."""
    escaped = name.replace("+", r"\+").replace(".", r"\.")
    return regex(f"{escaped}( *;.*)?", name)


def _as_text(expectation: Expectation) -> str:
    """A value outside a body: the library accepts matchers there only as JSON text."""
    return expectation if isinstance(expectation, str) else json.dumps(expectation)
