"""The notifiers that come with shelfport: the log, a webhook, and a router to both."""

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
"""The headline of each kind of event, for people."""


def name_of(event: InventoryEvent) -> object:
    """What people call the variant of `event`: the host's own id, where its mapper leads back."""
    return event.variant_id if event.host_id is None else event.host_id


class WebhookRefused(Exception):
    """The webhook answered with another status than 2xx."""


class LogNotifier:
    """Writes one INFO log record for each event."""

    def __repr__(self) -> str:
        return "LogNotifier()"

    async def notify(self, event: InventoryEvent) -> None:
        """See `Notifier.notify`."""
        logger.info(
            "%s: variant %s, since %s",
            HEADLINES[event.status],
            name_of(event),
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
    """POSTs a JSON document for each event; any status but 2xx is a failure.

    The document has `eventId`, `type`, `productVariantId`, `status`, `timestamp`, and `text`, a
    sentence that a chat's incoming webhook shows as it is. The header `Idempotency-Key` is the
    `eventId`, so that a receiver can drop a repetition; `X-Correlation-ID` is the event's.

    Args:
        url: the address; never printed, as such URLs are secrets.
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
            WebhookRefused: the webhook answered with another status than 2xx.
            ConnectionError: the webhook did not answer in time.
        """
        if self._session is None:
            raise RuntimeError("this WebhookNotifier is not open: use it inside `async with`")
        document = {
            "eventId": str(event.event_id),
            "type": f"{type(event).__name__}Event",
            "productVariantId": str(event.variant_id),
            "status": event.status.value,
            "timestamp": event.occurred_at.isoformat(),
            "text": f"{HEADLINES[event.status]}: product variant {name_of(event)}",
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
            # aiohttp's own message may quote the URL.
            raise ConnectionError(
                f"the webhook at {self._host} did not answer ({type(error).__name__})"
            ) from error
        if not 200 <= status < 300:
            raise WebhookRefused(f"the webhook at {self._host} answered {status}")


class RoutingNotifier:
    """Passes each event to the notifiers of its status, one after the other.

    Args:
        routes: the notifiers of each status.
    """

    def __init__(self, routes: Mapping[StockStatus, Sequence[Notifier]]) -> None:
        self._routes = routes
        self._open = AsyncExitStack()

    def __repr__(self) -> str:
        routes = ", ".join(f"{status.value}: {list(to)}" for status, to in self._routes.items())
        return f"RoutingNotifier({routes})"

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            notifiers = {id(n): n for to in self._routes.values() for n in to}
            for notifier in notifiers.values():
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
        """See `Notifier.notify`: it fails with the first notifier that fails."""
        for notifier in self._routes.get(event.status, ()):
            await notifier.notify(event)
