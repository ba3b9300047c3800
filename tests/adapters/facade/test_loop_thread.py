"""The thread of the sync façade where another library has replaced `threading`."""

import _thread
import sys
import threading
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

import pytest

from shelfport import Settings, Unavailable, build
from shelfport.adapters.facade.sync import SyncInventoryIntegration
from tests.support.values import an_id


def module(name: str, **members: Any) -> ModuleType:
    made = ModuleType(name)
    vars(made).update(members)
    return made


def test_under_gevent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop's thread is one that `threading` does not know; each wait keeps the hub alive."""
    hub = MagicMock()
    patched = {"is_module_patched": lambda _: True}
    original = {"get_original": lambda module, name: getattr(sys.modules[module], name)}
    monkeypatch.setitem(sys.modules, "gevent.monkey", module("monkey", **patched, **original))
    monkeypatch.setitem(sys.modules, "gevent", module("gevent", get_hub=lambda: hub))
    started: list[object] = []

    def start(*given: Any) -> int:
        started.append(given)
        return start_new_thread(*given)

    start_new_thread = _thread.start_new_thread
    monkeypatch.setattr(_thread, "start_new_thread", start)

    with SyncInventoryIntegration(build(Settings(adapter="memory"))) as inventory:
        assert isinstance(inventory.get_stock_level(an_id(1)), Unavailable)
        assert [] == [t for t in threading.enumerate() if t.name == "shelfport"]

    assert 1 == len(started)
    watcher = hub.loop.async_.return_value
    assert watcher.start.call_count == watcher.stop.call_count == watcher.close.call_count >= 3


def test_under_eventlet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening refuses where eventlet has replaced the threads, and says what to use."""
    patcher = module("patcher", is_monkey_patched=lambda _: True)
    monkeypatch.setitem(sys.modules, "eventlet.patcher", patcher)
    inventory = SyncInventoryIntegration(build(Settings(adapter="memory")))

    with pytest.raises(RuntimeError, match=r"eventlet has replaced .*gunicorn: -k gthread"):
        inventory.open()
