"""The HTTP adapter against Pact's mock server: every interaction, as it is committed."""

import json
from pathlib import Path

import pytest
from typed_settings import Secret

from shelfport import InventoryError, InventoryPort
from shelfport.contracts.pact.consumer import TOKEN, example_of
from shelfport.contracts.pact.interactions import HttpInteraction
from shelfport.contracts.pact.writing import FILE_NAME, new_pact, normal_form
from shelfport.http import HttpInventory
from shelfport.options import AuthOptions, HttpOptions
from tests.contracts.pact.expected import EXPECTED, Failure
from tests.contracts.pact.generated import COMMITTED, HTTP, AfterTheExamples, ask, port_call_of


def test_every_interaction_is_expected() -> None:
    """The table of expectations has every interaction of the contract, and no other."""
    assert sorted(HTTP) == sorted(EXPECTED)
    assert 28 == len(HTTP)


async def outcome_of(port: InventoryPort, interaction: HttpInteraction) -> object:
    """What the port answers, or how it fails."""
    asked = port_call_of(interaction)
    try:
        return await ask(port, asked)
    except InventoryError as error:
        detail = example_of(interaction.response.body)["detail"]
        return Failure.of(error, asked, detail)


@pytest.mark.parametrize("description", EXPECTED)
async def test_interaction(description: str, tmp_path: Path) -> None:
    """The adapter sends the contract's request, understands its answer, and that is committed."""
    interaction = HTTP[description]
    pact = new_pact(interaction)

    with pact.serve() as service:
        async with HttpInventory(
            str(service.url),
            clock=AfterTheExamples(),
            options=HttpOptions(strict=True),
            auth=AuthOptions(scheme="bearer", secret=Secret(TOKEN)),
        ) as port:
            outcome = await outcome_of(port, interaction)
    pact.write_file(tmp_path)

    assert EXPECTED[description] == outcome
    [proven] = json.loads(normal_form((tmp_path / FILE_NAME).read_text("utf-8")))["interactions"]
    assert COMMITTED[description] == proven
