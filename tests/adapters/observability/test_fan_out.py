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
from shelfport.adapters.composition.observers import make_cache_stats
from shelfport.adapters.http.transport.observer import NoObserver
from shelfport.contracts.sandbox import Sandbox
from shelfport.domain.model import RequestContext
from shelfport.ports.telemetry import ObservedRequest
from shelfport.signals import Signal
from tests.support.values import an_id


class RecordingTelemetry:
    """A telemetry that keeps its calls, and may fail at each of them."""

    def __init__(self, *, fails: bool = False) -> None:
        self.calls: list[str] = []
        self.fails = fails

    def _note(self, what: str) -> None:
        if self.fails:
            raise KeyError("bug")
        self.calls.append(what)

    def signal(self, signal: Signal, /) -> None:
        self._note(type(signal).__name__)

    def request_started(self, method: str, url: str, context: RequestContext, /) -> ObservedRequest:
        self._note(f"{method} begins")
        return RecordedRequest(self, method, url, context)

    def page_age(self, seconds: float, /) -> None:
        self._note("page")

    @contextmanager
    def attach(self, snapshot: Callable[[], Snapshot], /) -> Iterator[None]:
        self.calls.append("opened")
        yield
        self.calls.append("closed")


class RecordedRequest(NoObserver):
    """A request of a `RecordingTelemetry`."""

    def __init__(
        self, telemetry: RecordingTelemetry, method: str, url: str, context: RequestContext
    ) -> None:
        super().__init__(method, url, context)
        self.telemetry = telemetry

    def ended(self, status: int | None, error: BaseException | None, seconds: float) -> None:
        self.telemetry.calls.append(f"ended {status}")
        if "fails late" in self.telemetry.calls:
            raise KeyError("bug")


EVERYTHING = ["opened", "GET begins", "ended 200", "Attempted", "page", "closed"]


async def test_each_gets_every_call(sandbox: Sandbox, settings: Settings) -> None:
    """Every telemetry gets every call, in order."""
    one, other = RecordingTelemetry(), RecordingTelemetry()
    async with build(settings, telemetry=[one, other]) as inventory:
        await inventory.get_stock_level(an_id(1))

    assert EVERYTHING == one.calls == other.calls


async def test_one_that_fails(
    sandbox: Sandbox, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """A telemetry that fails at everything is logged, and costs neither an answer nor another."""
    caplog.set_level(logging.ERROR, "shelfport")
    other = RecordingTelemetry()
    async with build(settings, telemetry=[RecordingTelemetry(fails=True), other]) as inventory:
        assert isinstance(await inventory.get_stock_level(an_id(1)), StockReading)

    assert EVERYTHING == other.calls
    assert [
        "inventory.telemetry_fault", "inventory.listener_fault", "inventory.telemetry_fault",
    ] == [vars(record)["event"] for record in caplog.records]  # fmt: skip
    assert "KeyError: 'bug'" in caplog.text


async def test_one_that_fails_at_the_end(
    sandbox: Sandbox, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """An exchange telemetry end fails is logged, and the answer arrives."""
    late, other = RecordingTelemetry(), RecordingTelemetry()
    late.calls.append("fails late")
    async with build(settings, telemetry=[other, late]) as inventory:
        assert isinstance(await inventory.get_stock_level(an_id(1)), StockReading)

    assert EVERYTHING == other.calls
    assert ["inventory.telemetry_fault"] == [vars(record)["event"] for record in caplog.records]


class Incurious:
    """A telemetry that leaves `page_age` out."""

    def signal(self, signal: Signal, /) -> None:
        """Nothing to do."""

    request_started = staticmethod(NoObserver)

    @contextmanager
    def attach(self, snapshot: Callable[[], Snapshot], /) -> Iterator[None]:
        yield


async def test_who_does_not_care_is_in_no_pages_way(sandbox: Sandbox, settings: Settings) -> None:
    """A telemetry without `page_age` works, and a page of hits makes no call for it."""
    assert make_cache_stats([Incurious()]).page_age is None
    assert make_cache_stats([Incurious(), RecordingTelemetry()]).page_age is not None

    telling = RecordingTelemetry()
    async with build(settings, telemetry=[Incurious(), telling]) as inventory:
        await inventory.get_stock_level(an_id(1))
    assert EVERYTHING == telling.calls
