"""`HttpInventory`: the Inventory Service's three operations, one request for one call."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import aiohttp
import attrs
import msgspec
from aiohttp import hdrs
from multidict import CIMultiDictProxy
from yarl import URL

from shelfport.adapters.http import wire
from shelfport.adapters.http.decode import (
    Malformed,
    decode_current,
    decode_item,
    decode_level,
    decode_levels,
    decode_problem,
)
from shelfport.adapters.http.errors import (
    HttpRequestContext,
    broken,
    contract_broken,
    refused,
    retry_after_seconds,
    unsent,
    without_credentials,
)
from shelfport.adapters.http.transport.auth.credentials import (
    AuthOptions,
    HostSecret,
    NoCredentials,
    Presenting,
)
from shelfport.adapters.http.transport.auth.identity import Identity
from shelfport.adapters.http.transport.body import BadBody, read_body
from shelfport.adapters.http.transport.observer import NoObserver
from shelfport.adapters.http.transport.reloading_file import ReloadingFile
from shelfport.adapters.http.transport.session import HttpOptions, Session
from shelfport.adapters.http.transport.tls.context import Tls, TlsOptions
from shelfport.adapters.runtime.background import Background
from shelfport.domain.model import (
    AlreadyThere,
    Answer,
    Call,
    Created,
    Initialized,
    InitialStock,
    InventoryError,
    Operation,
    ProductVariantId,
    StockReading,
    UnknownVariant,
    Unreadable,
    distinct,
    settled,
)
from shelfport.ports import Clock
from shelfport.ports.snapshot import TlsSnapshot
from shelfport.ports.telemetry import RequestObserver

SOURCE = "http"


@attrs.frozen
class _Reply:
    status: int
    headers: CIMultiDictProxy[str]
    body: bytes
    sent_at: datetime


class HttpInventory:
    """An `InventoryPort` over HTTP, as inventory-service.yaml describes it (R1, R2, R4).

    One call is one attempt at one request: no retry, no queue, no memory; those are layers. A
    `read` of one id goes to `GET /inventory/{id}`, of more to `GET /inventory?productVariantIds=`.

    Args:
        base_url: where the service lives; its path, if any, comes before `/inventory`.
        clock: dates the readings and measures what is left of a deadline.
        options: timeouts and caps.
        tls: whom to trust, and what to show.
        auth: how requests show who asks.
        secret: the host's own source of what they show, in place of one in `auth`.
        watch: is told of each request on the wire.

    Raises:
        ValueError: `auth` and `secret` do not go together.
    """

    def __init__(
        self,
        base_url: str,
        *,
        clock: Clock,
        options: HttpOptions | None = None,
        tls: TlsOptions | None = None,
        auth: AuthOptions | None = None,
        secret: HostSecret | None = None,
        watch: RequestObserver = NoObserver,
    ) -> None:
        self._base = base_url.rstrip("/")
        self._clock = clock
        self._options = options or HttpOptions()
        self._tls = Tls(tls or TlsOptions(), URL(base_url).host)
        self._session = Session(self._options, self._tls)
        self._background = Background()
        self._identity = Identity(
            auth or AuthOptions(), secret, self._session, clock, self._background
        )
        self._watch = watch
        self._open: AsyncExitStack | None = None

    def __repr__(self) -> str:
        return f"HttpInventory({self._base!r})"

    async def __aenter__(self) -> Self:
        """Read the files of certificates and secrets, and open the session.

        Raises:
            BadFile: one of them cannot be used; the sentence names the setting and the file.
        """
        watched = [w for w in (self._tls.watched, self._identity.watched) if w is not None]
        for files in watched:
            await asyncio.to_thread(files.load)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._session)
            # Its tasks use the session, and end before it is closed.
            await stack.enter_async_context(self._background)
            changing = [files for files in watched if files.files]
            if changing:
                self._background.start(self._watch_files(changing), "watch over files")
            self._open = stack.pop_all()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        opened, self._open = self._open, None
        if opened is not None:
            await opened.__aexit__(exc_type, exc, traceback)

    def tls_snapshot(self) -> TlsSnapshot | None:
        """How long the certificates last; None without TLS, or before it was open. No I/O."""
        if self._open is None or not self._base.startswith("https:"):
            return None
        return self._tls.snapshot()

    async def read(
        self, ids: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        """See `InventoryPort.read`.

        Raises:
            ValueError: more distinct ids than one request holds; the `split` layer divides them.
        """
        wanted = distinct(ids)
        match wanted:
            case []:
                return {}
            case [variant]:
                return {variant: await self._read_one(variant, call)}
            case _:
                return await self._read_many(wanted, call)

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        """See `InventoryPort.initialize`."""
        asked = self._asked(Operation.INITIALIZE, (request.variant_id,), call)
        reply = await self._exchange(
            hdrs.METH_POST,
            f"{self._base}/inventory",
            asked,
            body=msgspec.json.encode(
                wire.InitializeInventoryRequestBody(
                    variant_id=request.variant_id,
                    initial_quantity=request.initial_quantity,
                    low_stock_threshold=request.low_stock_threshold,
                )
            ),
            headers={
                hdrs.CONTENT_TYPE: "application/json",
                wire.IDEMPOTENCY_KEY: str(request.idempotency_key),
            },
        )
        try:
            if reply.status == 201:
                item = decode_item(reply.body)
                self._must_be_about(item.variant_id, request.variant_id)
                return Created(item)
            problem = decode_problem(reply.body)
            if reply.status == 409 and problem.slug == "record-exists":
                level = decode_current(problem, reply.sent_at)
                self._must_be_about(level.variant_id, request.variant_id)
                return AlreadyThere(level)
        except Malformed as error:
            raise contract_broken(str(error), asked, reply.status) from error
        raise refused(reply.status, problem, self._retry_after(reply), asked)

    async def _read_one(self, variant: ProductVariantId, call: Call) -> Answer:
        asked = self._asked(Operation.READ, (variant,), call)
        url = f"{self._base}/inventory/{msgspec.to_builtins(variant)}"
        reply = await self._exchange(hdrs.METH_GET, url, asked)
        if reply.status == 200:
            try:
                level = decode_level(reply.body, reply.sent_at)
                self._must_be_about(level.variant_id, variant)
            except Malformed as error:
                raise contract_broken(str(error), asked, reply.status) from error
            return StockReading(level, reply.sent_at, SOURCE)
        problem = decode_problem(reply.body)
        if reply.status == 404 and problem.slug == "unknown-variant":
            return UnknownVariant(variant)
        raise refused(reply.status, problem, self._retry_after(reply), asked)

    async def _read_many(
        self, wanted: list[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        asked = self._asked(Operation.READ, wanted, call)
        ids = ",".join(msgspec.to_builtins(wanted))
        url = f"{self._base}/inventory?productVariantIds={ids}"
        if len(wanted) > wire.MAX_IDS or len(url) > wire.MAX_TARGET_BYTES:
            raise ValueError(
                f"{len(wanted)} variants do not fit in one request (at most {wire.MAX_IDS} ids, "
                f"{wire.MAX_TARGET_BYTES} bytes): put the `split` layer around this adapter"
            )
        reply = await self._exchange(hdrs.METH_GET, url, asked)
        if reply.status != 200:
            problem = decode_problem(reply.body)
            raise refused(reply.status, problem, self._retry_after(reply), asked)
        try:
            levels = decode_levels(reply.body, reply.sent_at)
        except Malformed as error:
            raise contract_broken(str(error), asked, reply.status) from error
        known, sent_at = levels.by_int, reply.sent_at
        answers: dict[ProductVariantId, Answer] = {}
        for variant in wanted:
            level = known.get(variant.int)
            if level is not None:
                answers[variant] = StockReading(level, sent_at, SOURCE)
            elif (fault := levels.malformed.get(variant, levels.nameless)) is not None:
                about = attrs.evolve(asked, ids=(variant,))
                answers[variant] = Unreadable(contract_broken(str(fault), about, reply.status))
            else:
                answers[variant] = UnknownVariant(variant)
        return settled(answers)

    async def _exchange(
        self,
        method: str,
        url: str,
        asked: HttpRequestContext,
        *,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> _Reply:
        """`_send`, and whoever watches learns what became of it."""
        exchange = self._watch(method, url, asked)
        if exchange.call is not asked.call:
            asked = attrs.evolve(asked, call=exchange.call)
        began = self._clock.monotonic()
        try:
            reply = await self._send(method, url, asked, body=body, headers=headers)
        except BaseException as error:
            status = error.status if isinstance(error, InventoryError) else None
            exchange.ended(status, error, self._clock.monotonic() - began)
            raise
        exchange.ended(reply.status, None, self._clock.monotonic() - began)
        return reply

    async def _send(
        self,
        method: str,
        url: str,
        asked: HttpRequestContext,
        *,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> _Reply:
        """Send one request and read all of its answer, in the attempt's time and the deadline."""
        if self._open is None:
            raise RuntimeError(f"{self!r} is not open: use it inside `async with`")
        headers = headers or {}
        if asked.call.correlation_id is not None:
            headers[wire.CORRELATION_ID] = asked.call.correlation_id
        if asked.call.traceparent is not None:
            headers[wire.TRACEPARENT] = asked.call.traceparent
        seconds = self._options.attempt_timeout
        by_deadline = False
        if asked.call.deadline is not None:
            left = asked.call.deadline - self._clock.monotonic()
            if left <= 0:
                raise unsent(asked)
            if left < seconds:
                seconds, by_deadline = left, True
        presenting = Presenting(self._identity.credentials)
        sent_at = self._clock.now()
        try:
            async with self._session.request(
                method, url, data=body, headers=headers, seconds=seconds, middleware=presenting
            ) as response:
                content = await read_body(response, self._options.max_response_bytes)
                return _Reply(response.status, response.headers, bytes(content), sent_at)
        except BadBody as error:
            raise contract_broken(str(error), asked, response.status) from error
        except (aiohttp.ClientError, NoCredentials, TimeoutError, OSError) as error:
            if presenting.waiting and isinstance(error, TimeoutError):
                raise without_credentials(
                    asked, seconds=seconds, by_deadline=by_deadline
                ) from error
            raise broken(error, asked, seconds=seconds, by_deadline=by_deadline) from error

    async def _watch_files(self, watched: Sequence[ReloadingFile[Any]]) -> None:
        """Look at the files once in a while, in a thread."""
        while True:
            await asyncio.sleep(self._options.file_poll_interval)
            for files in watched:
                await asyncio.to_thread(files.look)

    def _asked(
        self, operation: Operation, ids: Sequence[ProductVariantId], call: Call
    ) -> HttpRequestContext:
        return HttpRequestContext(operation, ids, call, self._base, self._identity.presented)

    def _retry_after(self, reply: _Reply) -> float | None:
        return retry_after_seconds(reply.headers.get(hdrs.RETRY_AFTER), reply.sent_at)

    @staticmethod
    def _must_be_about(answered: ProductVariantId, asked: ProductVariantId) -> None:
        if answered != asked:
            raise Malformed(f"it is about variant {answered}, not {asked}")
