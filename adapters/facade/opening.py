"""`Opening`: one time that an integration is open; `Gate`: its port and hits, open or not."""

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import attrs

from shelfport.domain.model import (
    Answer,
    Call,
    Initialized,
    InitialStock,
    Operation,
    OverloadedHere,
    ProductVariantId,
    ReachedService,
    RequestContext,
    StockReading,
)
from shelfport.ports import CacheHits, InventoryPort

_Hit = Callable[[str], StockReading | None]
_HitMany = Callable[[Sequence[str]], dict[ProductVariantId, StockReading] | None]

SHUTDOWN_TIMEOUT = 5.0
"""Seconds that initializations under way get to end when the integration is closed.

Why: more than the default deadline (2 s), and less than the 10 seconds after which Docker kills a
process that does not end."""
_QUEUE_TIMEOUT = 3.0
"""Seconds that initializations which were ended get after that, to be queued."""
NOT_OPEN = "this InventoryIntegration is not open: use it inside `async with`"


@attrs.define(eq=False)
class Opening:
    """The event loop and the process that opened an integration, and its calls under way."""

    loop: asyncio.AbstractEventLoop = attrs.field(factory=asyncio.get_running_loop)
    pid: int = attrs.field(factory=os.getpid)
    is_closing: bool = False
    """Whether no more initializations may begin."""
    is_ended: bool = False
    """Whether no more requests may begin."""
    _initializations: int = 0
    """How many the host waits for; each is several requests, and perhaps a queue entry."""
    _none_left: asyncio.Event = attrs.field(factory=asyncio.Event)
    _requests: set[asyncio.Timeout] = attrs.field(factory=set)
    """The requests of initializations, each with the time that ends it: none, until closing."""

    @property
    def is_left_behind(self) -> bool:
        """Whether it can never be closed: its loop is closed, or it is the parent process's."""
        return self.pid != os.getpid() or self.loop.is_closed()

    def must_be_here(self) -> None:
        """Check that the caller runs in the event loop and the process of this opening.

        Raises:
            RuntimeError: it does not; the sentence says what to do.
        """
        if self.pid != os.getpid():
            raise RuntimeError(
                f"this InventoryIntegration was opened in process {self.pid}, which forked this "
                f"one ({os.getpid()}), and its connections are there: open it in each process, "
                "after the fork, with `async with`"
            )
        if self.loop is not asyncio.get_running_loop():
            raise RuntimeError(
                "this InventoryIntegration was opened in another event loop: use it from that "
                "event loop alone; a host with several opens a SyncInventoryIntegration, and "
                "awaits its method `run`"
            )

    @contextmanager
    def initializing(self) -> Iterator[None]:
        """Count an initialization of the host, for which closing waits.

        Raises:
            RuntimeError: the integration is being closed, or the caller is not where it was opened.
        """
        self.must_be_here()
        if self.is_closing:
            raise RuntimeError(NOT_OPEN)
        self._initializations += 1
        try:
            yield
        finally:
            self._initializations -= 1
            if not self._initializations:
                self._none_left.set()

    @contextmanager
    def request(self, context: RequestContext) -> Iterator[asyncio.Timeout]:
        """The time limit of one request of an initialization: it passes when closing ends it.

        Raises:
            OverloadedHere: closing ended the request, or it did not begin.
        """
        self.must_not_be_ended(context)
        limit = asyncio.timeout(None)
        self._requests.add(limit)
        try:
            yield limit
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise shut_down(context, ReachedService.UNKNOWN) from error
        except RuntimeError as error:
            if not self.is_ended:
                raise
            raise shut_down(context, ReachedService.UNKNOWN) from error
        finally:
            self._requests.discard(limit)

    def must_not_be_ended(self, context: RequestContext) -> None:
        """Check that a request may begin.

        Raises:
            OverloadedHere: closing has ended all requests.
        """
        if self.is_ended:
            raise shut_down(context, ReachedService.NO)

    async def drain(self) -> None:
        """Let the initializations under way end; after `SHUTDOWN_TIMEOUT`, end their requests.

        What a policy queues is queued then, so the queue is still open.
        """
        self.is_closing = True
        if not await self._ends_within(SHUTDOWN_TIMEOUT):
            self.is_ended = True
            for limit in self._requests:
                limit.reschedule(self.loop.time())
            await self._ends_within(_QUEUE_TIMEOUT)
        self.is_ended = True

    async def _ends_within(self, seconds: float) -> bool:
        """Whether the last initialization under way ends within `seconds`."""
        if not self._initializations:
            return True
        self._none_left.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._none_left.wait()
        except TimeoutError:
            return False
        return True


@attrs.frozen(eq=False)
class OpenPort:
    """The port of an integration for as long as it is open: calls from elsewhere are refused.

    A call that closing overtakes ends in an `InventoryError`, whatever the parts that were closed
    below it raise.
    """

    inner: InventoryPort
    opening: Opening

    async def read(
        self, ids: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        """See `InventoryPort.read`."""
        self.opening.must_be_here()
        context = RequestContext(Operation.READ, ids, call)
        self.opening.must_not_be_ended(context)
        try:
            return await self.inner.read(ids, call)
        except RuntimeError as error:
            if not self.opening.is_ended:
                raise
            raise shut_down(context, ReachedService.UNKNOWN) from error

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        """See `InventoryPort.initialize`."""
        context = RequestContext(Operation.INITIALIZE, (request.variant_id,), call)
        with self.opening.request(context) as limit:
            async with limit:
                return await self.inner.initialize(request, call)


@attrs.frozen(eq=False)
class ClosedPort:
    """The port of an integration that is not open here: each call raises the reason."""

    opening: Opening | None
    """The opening in another process; None if it is not open at all."""

    async def read(
        self, _ids: Sequence[ProductVariantId], _call: Call, /
    ) -> Mapping[ProductVariantId, Answer]:
        """Raise a RuntimeError: the integration is not open here."""
        raise self._refusal()

    async def initialize(self, _request: InitialStock, _call: Call, /) -> Initialized:
        """Raise a RuntimeError: the integration is not open here."""
        raise self._refusal()

    def _refusal(self) -> RuntimeError:
        if self.opening is not None:
            self.opening.must_be_here()
        return RuntimeError(NOT_OPEN)


class Gate:
    """The port and the hits of an integration: they refuse calls while it is not open here.

    It stays one object, whether open or not, so that what a host puts around `StockLookup` sees
    every call. `hit` and `hit_many` are those of the open integration themselves: a hit pays
    nothing for the gate.

    Args:
        port: the port of the open integration.
        hits: its hits.
    """

    def __init__(self, port: InventoryPort, hits: CacheHits) -> None:
        self.inner = port
        self._hits = hits
        self._port: InventoryPort
        self.hit: _Hit
        self.hit_many: _HitMany
        self.close(None)

    def open(self, opening: Opening | None) -> None:
        """Let calls pass that come from where `opening` is; without one, from anywhere."""
        self._port = self.inner if opening is None else OpenPort(self.inner, opening)
        self.hit, self.hit_many = self._hits.hit, self._hits.hit_many

    def close(self, opening: Opening | None) -> None:
        """Refuse calls: there is no opening, or `opening` is in another process."""
        self._port = ClosedPort(opening)
        none = NoHits()
        self.hit, self.hit_many = none.hit, none.hit_many

    async def read(
        self, ids: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        """See `InventoryPort.read`."""
        return await self._port.read(ids, call)

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        """See `InventoryPort.initialize`."""
        return await self._port.initialize(request, call)


class NoHits:
    """Never a hit: every call goes through the port."""

    def hit(self, text: str) -> None:
        """See `CacheHits.hit`."""

    def hit_many(self, texts: Sequence[str]) -> None:
        """See `CacheHits.hit_many`."""


def shut_down(context: RequestContext, reached: ReachedService) -> OverloadedHere:
    """The error of a call that closing overtook."""
    return context.error(
        OverloadedHere,
        "this process is shutting down: the InventoryIntegration was closed during the call",
        reached_service=reached,
    )
