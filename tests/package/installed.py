"""Run away from the checkout, on the installed wheel."""

import asyncio
import importlib
import importlib.metadata
from pathlib import Path

import pytest

import shelfport
from shelfport import Settings, StockReading, build
from shelfport.adapters.cli import main
from shelfport.contracts.pact_files import packaged_pacts

VARIANT = "c9bf9e57-1685-4c89-bafb-ff5af830be8a"


def test_it_is_the_installed_one() -> None:
    """What is imported is the wheel's, not the checkout's."""
    assert "site-packages" in Path(shelfport.__file__).parts


@pytest.mark.parametrize("name", ["domain", "ports", "adapters", "contracts"])
def test_the_four_packages(name: str) -> None:
    """All four packages are there, as real folders."""
    module = importlib.import_module(f"shelfport.{name}")

    assert module.__file__ is not None
    assert not Path(module.__file__).parent.is_symlink()


@pytest.mark.parametrize("name", ["domain", "ports", "adapters", "contracts"])
def test_nothing_shadows_a_host(name: str) -> None:
    """No top-level package of such a general name is installed."""
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module(name)


def test_typed() -> None:
    """The marker for type checkers is there (PEP 561)."""
    assert (Path(shelfport.__file__).parent / "py.typed").is_file()


def test_the_contract_is_there() -> None:
    """inventory-service.yaml comes with the package."""
    folder = Path(shelfport.__file__).parent / "contracts"

    assert (folder / "inventory-service.yaml").is_file()


def test_the_pact_is_there() -> None:
    """The pact comes with the package, as a file that a verifier can be given."""
    with packaged_pacts() as pacts:
        assert "getStockLevel of a variant with stock" in pacts.descriptions


def test_a_missing_extra(capsys: pytest.CaptureFixture[str]) -> None:
    """The extra `contracts` is not installed here, and its commands say so in a sentence."""
    for command in (
        ("verify", "--provider-url", "http://127.0.0.1:9"),
        ("generate",),
    ):
        code = main(["contracts", *command])
        err = capsys.readouterr().err

        assert (2, 1) == (code, len(err.splitlines()))
        assert 'pip install "shelfport[contracts]"' in err


@pytest.mark.parametrize(
    ("module", "extra"), [("shelfport.otel", "otel"), ("shelfport.prometheus", "prometheus")]
)
def test_an_extra_that_is_missing(module: str, extra: str) -> None:
    """Without its extra, a module says in a sentence what to install."""
    with pytest.raises(ModuleNotFoundError, match=rf'pip install "shelfport\[{extra}\]"'):
        importlib.import_module(module)


def test_the_synchronous_facade_is_an_extra() -> None:
    """The extra `sync` is not installed here, and its module says so in a sentence."""
    with pytest.raises(ModuleNotFoundError, match=r'pip install "shelfport\[sync\]"'):
        importlib.import_module("shelfport.sync")


def test_the_pytest_plugin(shelfport_inventory: shelfport.InventoryIntegration) -> None:
    """The plugin comes with the wheel: its fixtures are there without a word."""
    shown = asyncio.run(shelfport_inventory.get_stock_level(VARIANT))

    assert "Stock information unavailable" == str(shown)


def test_version_and_licence() -> None:
    """The metadata names version and licence."""
    metadata = importlib.metadata.metadata("shelfport")

    assert "MIT" == metadata["License-Expression"]
    assert metadata["Version"]


def test_it_works() -> None:
    """It opens a record and reads it."""

    async def story() -> object:
        variant = "c9bf9e57-1685-4c89-bafb-ff5af830be8a"
        async with build(Settings(adapter="memory")) as inventory:
            await inventory.request_inventory_initialization(variant, initial_quantity=3)
            return await inventory.get_stock_level(variant)

    assert isinstance(asyncio.run(story()), StockReading)
