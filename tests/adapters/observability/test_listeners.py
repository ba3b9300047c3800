import logging

import pytest

from shelfport import Settings, build
from shelfport.adapters.observability.listeners import Listeners
from shelfport.errors import TimedOut
from shelfport.signals import RefreshFailed, Signal
from tests.support.listening import Heard
from tests.support.ports import ScriptedPort
from tests.support.values import an_id

SIGNAL = RefreshFailed(2, TimedOut("late"))


def broken(signal: Signal, /) -> None:
    raise KeyError("bug")


def test_each_hears_everything() -> None:
    """Every listener hears every signal."""
    one, other = Heard(), Heard()

    Listeners((one, other))(SIGNAL)

    assert [SIGNAL] == one.signals == other.signals


def test_a_listener_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    """A listener's exception is logged; other listeners and the caller do not notice it."""
    other = Heard()

    Listeners((broken, other))(SIGNAL)

    assert [SIGNAL] == other.signals
    [record] = caplog.records
    assert (logging.ERROR, "inventory.listener_fault") == (record.levelno, vars(record)["event"])
    assert "failed: this is its bug" in caplog.text
    assert "KeyError: 'bug'" in caplog.text


async def test_a_hosts_own_listener(caplog: pytest.LogCaptureFixture) -> None:
    """`build(listener=…)` hears beside the log, not in its place."""
    caplog.set_level(logging.INFO, "shelfport.calls")
    heard = Heard()
    async with build(Settings(), adapter=ScriptedPort(), listener=heard) as inventory:
        await inventory.get_stock_level(an_id(1))

    assert ["Attempted"] == [type(signal).__name__ for signal in heard.signals]
    assert ["inventory.call"] == [vars(record)["event"] for record in caplog.records]
