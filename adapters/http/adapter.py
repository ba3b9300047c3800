"""`HttpInventory`: the Inventory Service's three operations, one request a call."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import aiohttp
import attrs
import msgspec
from aiohttp import hdrs
from yarl import URL

from shelfport.adapters.http import wire
from shelfport.adapters.http.errors import (
    HttpRequestContext,
    contract_error,
    credentials_timeout_error,
    deadline_error,
    transport_error,
)
from shelfport.adapters.http.headers import CacheControl
from shelfport.adapters.http.malformed import BrokenDocument, Garbled
from shelfport.adapters.http.replies import Reply, ReplyReader, no_listener
from shelfport.adapters.http.transport.auth.credentials import (
    AuthOptions,
    CredentialsMiddleware,
    HostSecret,
    NoCredentials,
)
from shelfport.adapters.http.transport.auth.identity import Identity
from shelfport.adapters.http.transport.body import (
    NO_CONTENT,
    BadBody,
    BodyTooLong,
    read_body,
)
from shelfport.adapters.http.transport.observer import NoObserver
from shelfport.adapters.http.transport.reloading_file import ReloadingFile
from shelfport.adapters.http.transport.session import HttpOptions, Session
from shelfport.adapters.http.transport.tls.context import Tls, TlsOptions
from shelfport.adapters.runtime.background import Background
from shelfport.domain.model import (
    Answer,
    Call,
    ConnectionFailed,
    FaultScope,
    IdFormat,
    Initialized,
    InitialStock,
    InventoryError,
    Operation,
    ProductVariantId,
    ReachedService,
    RequestRejected,
    TimedOut,
    Unreadable,
    distinct,
    settled,
)
from shelfport.ports import Clock, Listener
from shelfport.ports.snapshot import TlsSnapshot
from shelfport.ports.telemetry import RequestObserver


class HttpInventory:
    """An `InventoryPort` over HTTP, as inventory-service.yaml describes it.

    One call sends one request: retries, queueing and caching are layers. A `read` of one id goes
    to `GET /inventory/{id}`, a read of several to `GET /inventory?productVariantIds=`.

    Args:
        base_url: the service's address; its path, if any, comes before `/inventory`.
        clock: dates the readings and measures the time left until a deadline.
        options: timeouts and limits.
        tls: trusted authorities and the client certificate.
        auth: the credentials of each request.
        secret: the host's own source of the secret, in place of one in `auth`.
        observer: observes each request; see `RequestObserver`.
        id_format: what the service's ids look like.
        listener: receives `AnswerRepaired` and `ClockSkewed`.
        cache_ttl: how old, in seconds, an answer of a cache between here and the service may be, if
            the call does not set less: the `ttl` of the cache that keeps the readings here.

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
        observer: RequestObserver = NoObserver,
        id_format: IdFormat = IdFormat.UUID,
        listener: Listener = no_listener,
        cache_ttl: float = 0.0,
    ) -> None:
        self._base = base_url.rstrip("/")
        self._id_format = id_format
        self._clock = clock
        self._options = options or HttpOptions()
        self._tls = Tls(tls or TlsOptions(), URL(base_url).host)
        self._session = Session(self._options, self._tls)
        self._background = Background()
        self._identity = Identity(
            auth or AuthOptions(), secret, self._session, clock, self._background
        )
        self._observer = observer
        self._replies = ReplyReader(
            id_format, strict=self._options.strict, clock=clock, listener=listener
        )
        self._cache_control = CacheControl(cache_ttl)
        self._open: AsyncExitStack | None = None

    def __repr__(self) -> str:
        return f"HttpInventory({self._base!r})"

    async def __aenter__(self) -> Self:
        """Read the files of certificates and secrets, and open the session.

        Raises:
            BadFile: one of them cannot be used; the sentence names the setting and the file.
        """
        files = [f for f in (self._tls.files, self._identity.secret_file) if f is not None]
        for file in files:
            await asyncio.to_thread(file.load)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._session)
            # Its tasks use the session, so they end before it is closed.
            await stack.enter_async_context(self._background)
            changing = [file for file in files if file.paths]
            if changing:
                self._background.start(self._reload_files(changing), "reloading of files")
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
        """When the certificates expire; None without TLS, or before it was opened. No I/O."""
        if self._open is None or not self._base.startswith("https:"):
            return None
        return self._tls.snapshot()

    @property
    def clock_skew(self) -> float | None:
        """By how many seconds the service's clock is ahead, by an answer's `Date`; None before one.

        Negative if it is behind. Two clocks that agree within the duration of a request give 0.
        """
        return self._replies.clock_skew.seconds

    async def read(
        self, ids: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        """See `InventoryPort.read`.

        Raises:
            ValueError: more distinct ids than one request holds; `BatchingLayer` divides them.
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
        context = self._context(Operation.INITIALIZE, (request.variant_id,), call)
        reply = await self._send_observed(
            hdrs.METH_POST,
            f"{self._base}/inventory",
            context,
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
        return self._replies.initialized(reply, request.variant_id, context)

    async def _read_one(self, variant: ProductVariantId, call: Call) -> Answer:
        context = self._context(Operation.READ, (variant,), call)
        url = f"{self._base}/inventory/{quote(variant, safe='')}"
        return self._replies.level(await self._get(url, context), variant, context)

    async def _read_many(
        self, wanted: list[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        context = self._context(Operation.READ, wanted, call)
        ids = ",".join(wanted)
        if ids.count(",") >= len(wanted):
            return await self._read_without_commas(wanted, call)
        if self._id_format is not IdFormat.UUID:
            ids = quote(ids, safe=",")
        url = f"{self._base}/inventory?productVariantIds={ids}"
        if len(wanted) > wire.MAX_IDS or len(url) > wire.MAX_TARGET_BYTES:
            raise ValueError(
                f"{len(wanted)} variants do not fit in one request (at most {wire.MAX_IDS} ids, "
                f"{wire.MAX_TARGET_BYTES} bytes): put a `BatchingLayer` around this adapter"
            )
        return self._replies.levels(await self._get(url, context), wanted, context)

    async def _read_without_commas(
        self, wanted: list[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        """The answers of `wanted`, of which some have a comma, which separates the ids."""
        plain = [variant for variant in wanted if "," not in variant]
        answers = dict(await self.read(plain, call)) if plain else {}
        for variant in wanted:
            if "," in variant:
                error = self._context(Operation.READ, (variant,), call).error(
                    RequestRejected,
                    f"variant {variant} was not asked for: its id has a comma, which separates ids "
                    "in a request for several variants",
                    reached_service=ReachedService.NO,
                )
                answers[variant] = Unreadable(error)
        return settled({variant: answers[variant] for variant in wanted})

    async def _get(self, url: str, context: HttpRequestContext) -> Reply:
        headers = {wire.CACHE_CONTROL: self._cache_control(context.call.max_staleness)}
        return await self._send_observed(hdrs.METH_GET, url, context, headers=headers)

    async def _send_observed(
        self,
        method: str,
        url: str,
        context: HttpRequestContext,
        *,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Reply:
        """`_send`, and tell the observer how it ended."""
        observed = self._observer(method, url, context)
        if observed.call is not context.call:
            context = attrs.evolve(context, call=observed.call)
        began = self._clock.monotonic()
        try:
            reply = await self._send(method, url, context, body=body, headers=headers)
        except BaseException as error:
            status = error.status if isinstance(error, InventoryError) else None
            observed.ended(status, error, self._clock.monotonic() - began)
            raise
        observed.ended(reply.status, None, self._clock.monotonic() - began)
        return reply

    async def _send(
        self,
        method: str,
        url: str,
        context: HttpRequestContext,
        *,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Reply:
        """Send one request and read its whole answer, within `attempt_timeout` and the deadline."""
        if self._open is None:
            raise RuntimeError(f"{self!r} is not open: use it inside `async with`")
        headers = headers or {}
        if context.call.correlation_id is not None:
            headers[wire.CORRELATION_ID] = context.call.correlation_id
        if context.call.traceparent is not None:
            headers[wire.TRACEPARENT] = context.call.traceparent
        seconds = self._options.attempt_timeout
        by_deadline = False
        if context.call.deadline is not None:
            left = context.call.deadline - self._clock.monotonic()
            if left <= 0:
                raise deadline_error(context)
            if left < seconds:
                seconds, by_deadline = left, True
        middleware = CredentialsMiddleware(self._identity.credentials)
        sending = self._session.sending(write=context.operation is not Operation.READ)
        sent_at, answering = self._clock.now(), False
        try:
            async with self._session.request(
                method,
                url,
                sending,
                data=body,
                headers=headers,
                seconds=seconds,
                middleware=middleware,
            ) as response:
                answering = True
                try:
                    content = await read_body(response, self._options.max_response_bytes)
                except BadBody as error:
                    if response.status < 300:
                        kind = BrokenDocument if isinstance(error, BodyTooLong) else Garbled
                        raise contract_error(kind(str(error)), context, response.status) from error
                    content = NO_CONTENT  # the status says enough
                return Reply(response.status, response.headers, bytes(content), sent_at)
        except (aiohttp.ClientError, NoCredentials, TimeoutError, OSError) as error:
            if not middleware.sent and isinstance(error, TimeoutError):
                raise credentials_timeout_error(
                    context, seconds=seconds, by_deadline=by_deadline
                ) from error
            failure = transport_error(
                error, context, seconds=seconds, by_deadline=by_deadline, answering=answering
            )
            if sending.lost_connection and isinstance(failure, TimedOut | ConnectionFailed):
                # What closed or forgot this connection has done so with all others.
                await self._session.drop_kept_connections(sending)
                failure.scope = FaultScope.PROCESS
            if sending.may_have_arrived and failure.reached_service is ReachedService.NO:
                failure.reached_service = ReachedService.UNKNOWN
            raise failure from error

    async def _reload_files(self, files: Sequence[ReloadingFile[Any]]) -> None:
        """Reload the files that have changed, every `file_poll_interval` seconds, in a thread."""
        while True:
            await asyncio.sleep(self._options.file_poll_interval)
            for file in files:
                await asyncio.to_thread(file.reload_if_changed)

    def _context(
        self, operation: Operation, ids: Sequence[ProductVariantId], call: Call
    ) -> HttpRequestContext:
        return HttpRequestContext(operation, ids, call, self._base, self._identity.sent)
