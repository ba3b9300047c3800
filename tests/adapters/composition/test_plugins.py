from importlib.metadata import EntryPoint
from typing import Any

import pytest

from shelfport import Settings, SettingsError, StockReading, build
from shelfport.adapters.composition import plugins as plugged
from shelfport.ports import Clock
from tests.support.ports import ScriptedPort
from tests.support.values import an_id


def good(settings: Settings, clock: Clock) -> ScriptedPort:
    return ScriptedPort()


def no_port(settings: Settings, clock: Clock) -> object:
    return object()


def failing(settings: Settings, clock: Clock) -> ScriptedPort:
    raise OSError("no file")


@pytest.fixture(autouse=True)
def _offered(monkeypatch: pytest.MonkeyPatch) -> None:
    def entry_points(group: str) -> list[EntryPoint]:
        assert "shelfport.adapters" == group
        return [
            EntryPoint(name, f"{__name__}:{attribute}", group)
            for name, attribute in [
                ("good", "good"),
                ("no-port", "no_port"),
                ("failing", "failing"),
                ("gone", "gone"),
            ]
        ]

    def load(entry: EntryPoint) -> Any:
        return globals()[entry.attr]

    monkeypatch.setattr(plugged, "entry_points", entry_points)
    monkeypatch.setattr(EntryPoint, "load", load)


async def test_an_adapter_of_another_package() -> None:
    """A name in the settings selects the adapter that a package offers under it."""
    async with build(Settings(adapter="good")) as inventory:
        assert isinstance(await inventory.get_stock_level(an_id(1)), StockReading)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("nowhere", "the known adapters are: failing, gone, good, http, memory, no-port"),
        (
            "no-port",
            "made a object, which is not an InventoryPort: it has no read or no initialize",
        ),
        ("failing", "failing failed to make it: no file"),
        ("gone", "gone failed to make it: 'gone'"),
    ],
)
def test_bad_adapters(name: str, sentence: str) -> None:
    """An unknown adapter, or an object that is not an adapter, is refused by `build`."""
    with pytest.raises(SettingsError, match=f"adapter is '{name}', ") as info:
        build(Settings(adapter=name))

    assert sentence in str(info.value)


def test_memory_by_name() -> None:
    """The name "memory" keeps stock in memory, whatever else is set."""
    shown = repr(build(Settings(adapter="memory", base_url="https://inventory.internal")))

    assert "InMemoryInventory" in shown


def test_http_needs_an_address() -> None:
    """The name "http" without a base URL is refused."""
    with pytest.raises(ValueError, match="adapter is 'http', but base_url is not set"):
        Settings(adapter="http")


def test_an_empty_name() -> None:
    """An empty name is refused."""
    with pytest.raises(ValueError, match="adapter is '': it must be the name of an adapter"):
        Settings(adapter="")
