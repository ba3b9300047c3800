"""The suite of `Notifier` on the notifiers that come with shelfport."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

import pytest
from aiohttp import web
from typed_settings import Secret

from shelfport import StockStatus
from shelfport.adapters.events.notifiers import LogNotifier, RoutingNotifier, WebhookNotifier
from shelfport.adapters.facade.host_ids import NotifierInHostIds
from shelfport.contracts.conformance import NotifierConformance, NotifierHarness
from shelfport.ports import Notifier
from tests.support.servers import serving


class LogHarness(NotifierHarness):
    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog
        caplog.set_level(logging.INFO, "shelfport.events")

    def notifier(self) -> Notifier:
        return LogNotifier()

    def received(self) -> Sequence[object]:
        return [r.getMessage() for r in self._caplog.records if r.name == "shelfport.events"]


class TestLogNotifier(NotifierConformance):
    @pytest.fixture
    def harness(self, caplog: pytest.LogCaptureFixture) -> LogHarness:
        return LogHarness(caplog)


class WebhookHarness(NotifierHarness):
    """A webhook on a real socket, which takes, refuses or hangs."""

    def __init__(self) -> None:
        self._stack = AsyncExitStack()
        self._url = "http://127.0.0.1:9"
        self._taken: list[bytes] = []
        self._failing = False
        self._hanging = False

    async def __aenter__(self) -> Self:
        service = await self._stack.enter_async_context(serving(self._answer))
        self._url = f"{service.url}/hook"
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if self._hanging:
            await asyncio.sleep(60)
        if self._failing:
            return web.Response(status=503)
        self._taken.append(await request.read())
        return web.Response(status=204)

    def notifier(self) -> Notifier:
        return WebhookNotifier(Secret(self._url), 30)

    def received(self) -> Sequence[object]:
        return self._taken

    async def fail(self, failing: bool) -> None:
        self._failing = failing

    async def hang(self) -> None:
        self._hanging = True


class TestWebhookNotifier(NotifierConformance):
    fails = True
    hangs = True

    @pytest.fixture
    def harness(self) -> WebhookHarness:
        return WebhookHarness()


class RoutedHarness(WebhookHarness):
    def notifier(self) -> Notifier:
        webhook = super().notifier()
        return RoutingNotifier({status: [webhook] for status in StockStatus})


class TestRoutingNotifier(NotifierConformance):
    """It sends as its notifiers do, and fails as they do."""

    fails = True
    hangs = True

    @pytest.fixture
    def harness(self) -> RoutedHarness:
        return RoutedHarness()


class MappedHarness(WebhookHarness):
    def notifier(self) -> Notifier:
        return NotifierInHostIds(super().notifier(), lambda variant: f"SKU-{variant}")


class TestNotifierInHostIds(NotifierConformance):
    fails = True
    hangs = True

    @pytest.fixture
    def harness(self) -> MappedHarness:
        return MappedHarness()
