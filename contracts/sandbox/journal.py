"""The journal: the requests that the sandbox received, for assertions and for debugging."""

from collections.abc import Callable
from datetime import datetime
from itertools import count
from time import perf_counter

import msgspec
from aiohttp import web

from shelfport.adapters.http.wire import CORRELATION_ID, IDEMPOTENCY_KEY

CAPACITY = 10_000
"""How many entries are kept; the oldest entries are removed first."""


class JournalEntry(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One request to the API. Control requests are not in the journal.

    The journal does not keep credentials, only whether the request had any.
    """

    method: str
    path: str
    query: str
    """The query as it was sent, still percent-encoded, without the question mark."""
    idempotency_key: str | None
    correlation_id: str | None
    traceparent: str | None
    has_authorization: bool
    received_at: datetime
    status: int | None = None
    """The HTTP status of the answer; None while or if there is no answer."""
    duration: float | None = None
    """Seconds until the answer was sent or the connection closed; None while it is open."""


class Journal:
    """The last `CAPACITY` requests, in order of arrival.

    Args:
        clock: the current instant, aware.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._numbers = count()
        self._entries: dict[int, tuple[JournalEntry, float]] = {}

    @property
    def entries(self) -> list[JournalEntry]:
        """The current entries; an open entry is replaced when its request ends."""
        return [entry for entry, _ in self._entries.values()]

    def begin(self, request: web.BaseRequest) -> int:
        """Record the start of a request. Returns its number for `end`."""
        headers = request.headers
        number = next(self._numbers)
        entry = JournalEntry(
            method=request.method,
            path=request.path,
            query=request.rel_url.raw_query_string,
            idempotency_key=headers.get(IDEMPOTENCY_KEY),
            correlation_id=headers.get(CORRELATION_ID),
            traceparent=headers.get("traceparent"),
            has_authorization="Authorization" in headers,
            received_at=self._clock(),
        )
        self._entries[number] = (entry, perf_counter())
        if len(self._entries) > CAPACITY:
            del self._entries[next(iter(self._entries))]
        return number

    def end(self, number: int, status: int | None) -> None:
        """Record the end of request `number`, if its entry still exists."""
        if number in self._entries:
            entry, began = self._entries[number]
            ended = msgspec.structs.replace(entry, status=status, duration=perf_counter() - began)
            self._entries[number] = (ended, began)

    def clear(self) -> None:
        """Remove every entry."""
        self._entries.clear()
