"""The notifiers that ship: the log, a webhook, and who is told of which kind of event."""

import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from types import TracebackType
from typing import Self

import aiohttp
from typed_settings import Secret
from yarl import URL

from shelfport.adapters.http.wire import CORRELATION_ID
from shelfport.adapters.runtime.request_context import current_id
from shelfport.domain.model import InventoryEvent, StockStatus
from shelfport.ports import Notifier

logger = logging.getLogger("shelfport.events")

HEADLINES = {
    StockStatus.OUT_OF_STOCK: "Out of stock",
    StockStatus.LOW_STOCK: "Stock is low",
    StockStatus.IN_STOCK: "Back in stock",
}
"""What each kind of event says, for people."""


class WebhookRefused(Exception):
    """The webhook answered, and not with success."""


class LogNotifier:
    """Tells the log: one INFO record an event."""

    def __repr__(self) -> str:
        return "LogNotifier()"

    async def notify(self, event: InventoryEvent) -> None:
        """See `Notifier.notify`."""
        logger.info(
            "%s: variant %s, since %s",
            HEADLINES[event.status],
            event.variant_id,
            event.occurred_at.isoformat(),
            extra={
                "event": "inventory.stock_event",
                "status": event.status.value,
                "event_id": str(event.event_id),
                "variant_id": str(event.variant_id),
                "correlation_id": current_id(),
            },
        )


class WebhookNotifier:
    """POSTs a JSON document an event; any status but 2xx is a failure.

    The document has `eventId`, `type`, `productVariantId`, `status`, `timestamp`, and `text`, a
    sentence, so that a chat's incoming webhook shows it as it is. `eventId` comes as
    `Idempotency-Key`, too: whoever receives it can drop a repetition. `X-Correlation-ID` is that of
    the event.

    Args:
        url: where to; shown nowhere, as such URLs are keys.
        timeout: seconds that an answer may take.
    """

    def __init__(self, url: Secret[str], timeout: float) -> None:
        self._url = url
        self._host = URL(url.get_secret_value()).host
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None

    def __repr__(self) -> str:
        return f"WebhookNotifier({self._host})"

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=self._timeout),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def notify(self, event: InventoryEvent) -> None:
        """See `Notifier.notify`.

        Raises:
            WebhookRefused: it answered with another status than 2xx.
            ConnectionError: it did not answer in time, or not at all.
        """
        if self._session is None:
            raise RuntimeError("this WebhookNotifier is not open: use it inside `async with`")
        document = {
            "eventId": str(event.event_id),
            "type": f"{type(event).__name__}Event",
            "productVariantId": str(event.variant_id),
            "status": event.status.value,
            "timestamp": event.occurred_at.isoformat(),
            "text": f"{HEADLINES[event.status]}: product variant {event.variant_id}",
        }
        headers = {"Content-Type": "application/json", "Idempotency-Key": str(event.event_id)}
        if (correlation_id := current_id()) is not None:
            headers[CORRELATION_ID] = correlation_id
        try:
            async with self._session.post(
                URL(self._url.get_secret_value()),
                data=json.dumps(document).encode(),
                headers=headers,
                allow_redirects=False,
            ) as response:
                status = response.status
        except (aiohttp.ClientError, TimeoutError) as error:
            # aiohttp's own words may quote the URL.
            raise ConnectionError(
                f"the webhook at {self._host} did not answer ({type(error).__name__})"
            ) from error
        if not 200 <= status < 300:
            raise WebhookRefused(f"the webhook at {self._host} answered {status}")


class Routed:
    """Tells each kind of event to those who want to know of it, one after the other.

    Args:
        routes: for each status that an event announces, whom to tell.
    """

    def __init__(self, routes: Mapping[StockStatus, Sequence[Notifier]]) -> None:
        self._routes = routes
        self._open = AsyncExitStack()

    def __repr__(self) -> str:
        routes = ", ".join(f"{status.value}: {list(to)}" for status, to in self._routes.items())
        return f"Routed({routes})"

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            everybody = {id(n): n for to in self._routes.values() for n in to}
            for notifier in everybody.values():
                if isinstance(notifier, AbstractAsyncContextManager):
                    await stack.enter_async_context(notifier)
            self._open = stack.pop_all()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._open.__aexit__(exc_type, exc, traceback)

    async def notify(self, event: InventoryEvent) -> None:
        """See `Notifier.notify`: it fails with the first who could not be told."""
        for notifier in self._routes.get(event.status, ()):
            await notifier.notify(event)
