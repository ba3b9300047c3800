import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from shelfport import (
    Settings,
    Snapshot,
    StockReading,
    build,
)
from shelfport.adapters.composition.observers import make_tally
from shelfport.adapters.http.transport.observer import NoObserver
from shelfport.contracts.sandbox import Sandbox
from shelfport.domain.model import RequestContext
from shelfport.ports.telemetry import ObservedRequest
from shelfport.signals import Signal
from tests.support.values import an_id


class Telling:
    """A telemetry that keeps what it is told, and may fail at everything."""

    def __init__(self, *, fails: bool = False) -> None:
        self.told: list[str] = []
        self.fails = fails

    def _note(self, what: str) -> None:
        if self.fails:
            raise KeyError("bug")
        self.told.append(what)

    def signal(self, signal: Signal, /) -> None:
        self._note(type(signal).__name__)

    def request_started(self, method: str, url: str, asked: RequestContext, /) -> ObservedRequest:
        self._note(f"{method} begins")
        return Told(self, method, url, asked)

    def page_age(self, seconds: float, /) -> None:
        self._note("page")

    @contextmanager
    def showing(self, snapshot: Callable[[], Snapshot], /) -> Iterator[None]:
        self.told.append("opened")
        yield
        self.told.append("closed")


class Told(NoObserver):
    """An exchange of a `Telling`."""

    def __init__(self, whose: Telling, method: str, url: str, asked: RequestContext) -> None:
        super().__init__(method, url, asked)
        self.whose = whose

    def ended(self, status: int | None, error: BaseException | None, seconds: float) -> None:
        self.whose.told.append(f"ended {status}")
        if "fails late" in self.whose.told:
            raise KeyError("bug")


EVERYTHING = ["opened", "GET begins", "ended 200", "Attempted", "page", "closed"]


async def test_each_is_told_everything(sandbox: Sandbox, settings: Settings) -> None:
    """Every telemetry is told everything, in the order in which it happens."""
    one, other = Telling(), Telling()
    async with build(settings, telemetry=[one, other]) as inventory:
        await inventory.get_stock_level(an_id(1))

    assert EVERYTHING == one.told == other.told


async def test_one_that_fails(
    sandbox: Sandbox, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """A telemetry that fails at everything is logged, and costs neither an answer nor another."""
    caplog.set_level(logging.ERROR, "shelfport")
    other = Telling()
    async with build(settings, telemetry=[Telling(fails=True), other]) as inventory:
        assert isinstance(await inventory.get_stock_level(an_id(1)), StockReading)

    assert EVERYTHING == other.told
    assert [
        "inventory.telemetry_fault", "inventory.listener_fault", "inventory.telemetry_fault",
    ] == [vars(record)["event"] for record in caplog.records]  # fmt: skip
    assert "KeyError: 'bug'" in caplog.text


async def test_one_that_fails_at_the_end(
    sandbox: Sandbox, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """An exchange whose end fails is logged, and the answer arrives."""
    late, other = Telling(), Telling()
    late.told.append("fails late")
    async with build(settings, telemetry=[other, late]) as inventory:
        assert isinstance(await inventory.get_stock_level(an_id(1)), StockReading)

    assert EVERYTHING == other.told
    assert ["inventory.telemetry_fault"] == [vars(record)["event"] for record in caplog.records]


class Incurious:
    """A telemetry that leaves `page_age` out."""

    def signal(self, signal: Signal, /) -> None:
        """Nothing to do."""

    request_started = staticmethod(NoObserver)

    @contextmanager
    def showing(self, snapshot: Callable[[], Snapshot], /) -> Iterator[None]:
        yield


async def test_who_does_not_care_is_in_no_pages_way(sandbox: Sandbox, settings: Settings) -> None:
    """A telemetry without `page_age` works, and a page of hits calls nobody for it."""
    assert make_tally([Incurious()]).page_age is None
    assert make_tally([Incurious(), Telling()]).page_age is not None

    telling = Telling()
    async with build(settings, telemetry=[Incurious(), telling]) as inventory:
        await inventory.get_stock_level(an_id(1))
    assert EVERYTHING == telling.told
