"""`check` with the adapter of another package."""

import re
from contextlib import AbstractAsyncContextManager
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from shelfport import InventoryPort, Settings
from shelfport.adapters.cli.check import settings as check_settings
from shelfport.adapters.composition import plugins
from shelfport.errors import AdapterFault, DeadlineExceeded, ReachedService
from shelfport.ports import Clock, Unreadable
from tests.adapters.cli.conftest import Shelfport
from tests.support.ports import Answers, Ids, ScriptedPort, raising
from tests.support.values import an_id

VARIANT = str(an_id(1))


class Opened(ScriptedPort, AbstractAsyncContextManager["Opened"]):
    """An adapter with a context manager."""

    async def __aexit__(self, *exc: object) -> None:
        return None


async def _unreadable(ids: Ids, call: object) -> Answers:
    return {ids[0]: Unreadable(AdapterFault("a field is missing"))}


def good(settings: Settings, clock: Clock) -> InventoryPort:
    return Opened()


def faulty(settings: Settings, clock: Clock) -> InventoryPort:
    return ScriptedPort(_unreadable)


def late(settings: Settings, clock: Clock) -> InventoryPort:
    return ScriptedPort(raising(DeadlineExceeded("too late", reached_service=ReachedService.NO)))


def _outcome(out: str, check: str) -> str:
    [outcome] = re.findall(rf"^  {check} +(ok|failed|not tried)  ", out, re.MULTILINE)
    return str(outcome)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def entry_points(group: str) -> list[EntryPoint]:
        return [EntryPoint(n, f"{__name__}:{n}", group) for n in ("good", "faulty", "late")]

    def load(entry: EntryPoint) -> Any:
        return globals()[entry.attr]

    monkeypatch.setattr(plugins, "entry_points", entry_points)
    monkeypatch.setattr(check_settings, "entry_points", entry_points)
    monkeypatch.setattr(EntryPoint, "load", load)


@pytest.mark.usefixtures("installed")
async def test_an_adapter_of_another_package(call_shelfport: Shelfport) -> None:
    """A plugin is named with its entry point, and is read without the checks dns and tcp."""
    done = await call_shelfport("check", "--variant", VARIANT, SHELFPORT_ADAPTER="good")

    assert f"good: {__name__}:good, an entry point of shelfport.adapters" in done.out
    assert "the adapter good connects to no base_url" in done.out
    assert (0, "ok") == (done.code, _outcome(done.out, "read"))


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("name", "error", "fix"),
    [
        ("faulty", "a field is missing", "report it to the adapter's author"),
        ("late", "too late", "give more time"),
    ],
)
async def test_a_plugin_that_fails(
    call_shelfport: Shelfport, name: str, error: str, fix: str
) -> None:
    """The error of a plugin is printed as an error of the service is."""
    done = await call_shelfport("check", SHELFPORT_ADAPTER=name)

    assert (1, True, True) == (done.code, error in done.out, fix in done.out)


async def test_an_adapter_that_is_not_installed(call_shelfport: Shelfport) -> None:
    """A name that no package offers fails the check `adapter`; the settings are valid: code 1."""
    done = await call_shelfport("check", SHELFPORT_ADAPTER="nowhere")

    assert (1, "failed", "not tried") == (
        done.code,
        _outcome(done.out, "adapter"),
        _outcome(done.out, "read"),
    )
    assert "To do: install the package that offers it" in done.out
