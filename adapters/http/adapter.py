"""`HttpInventory`: the Inventory Service's three operations, one request for one call."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Self

import aiohttp
import attrs
import msgspec
from aiohttp import hdrs
from multidict import CIMultiDictProxy
from typed_settings import Secret
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
from shelfport.adapters.http.exchange import Unwatched, Watch
from shelfport.adapters.http.session import HttpOptions, open_session
from shelfport.adapters.http.translate import (
    Asked,
    broken,
    contract_broken,
    refused,
    retry_after_seconds,
    unsent,
)
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
    settled,
)
from shelfport.ports import Clock

SOURCE = "http"
_CHUNK = 65_536


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
        token: a bearer token, where the service wants one.
        watch: is told of each request on the wire.
    """

    def __init__(
        self,
        base_url: str,
        *,
        clock: Clock,
        options: HttpOptions | None = None,
        token: Secret[str] | None = None,
        watch: Watch = Unwatched,
    ) -> None:
        self._base = base_url.rstrip("/")
        self._clock = clock
        self._options = options or HttpOptions()
        self._token = token
        self._watch = watch
        self._session: aiohttp.ClientSession | None = None

    def __repr__(self) -> str:
        return f"HttpInventory({self._base!r})"

    async def __aenter__(self) -> Self:
        token = None if self._token is None else self._token.get_secret_value()
        self._session = open_session(token)
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

    async def read(
        self, ids: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        """See `InventoryPort.read`.

        Raises:
            ValueError: more distinct ids than one request holds; the `split` layer divides them.
        """
        wanted = list(dict.fromkeys(ids))
        match wanted:
            case []:
                return {}
            case [variant]:
                return {variant: await self._read_one(variant, call)}
            case _:
                return await self._read_many(wanted, call)

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        """See `InventoryPort.initialize`."""
        asked = Asked(Operation.INITIALIZE, (request.variant_id,), call, self._base)
        reply = await self._exchange(
            hdrs.METH_POST,
            f"{self._base}/inventory",
            asked,
            body=msgspec.json.encode(
                wire.InitializeInventoryRequest(
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
        asked = Asked(Operation.READ, (variant,), call, self._base)
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
        asked = Asked(Operation.READ, wanted, call, self._base)
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
        known = levels.by_id
        answers: dict[ProductVariantId, Answer] = {}
        for variant in wanted:
            level = known.get(variant)
            if level is not None:
                answers[variant] = StockReading(level, reply.sent_at, SOURCE)
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
        asked: Asked,
        *,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> _Reply:
        """`_send`, and whoever watches learns what became of it."""
        exchange = self._watch(method, url, asked)
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
        asked: Asked,
        *,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> _Reply:
        """Send one request and read all of its answer, in the attempt's time and the deadline."""
        session = self._session
        if session is None:
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
        sent_at = self._clock.now()
        try:
            async with session.request(
                method,
                URL(url, encoded=True),
                data=body,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(
                    total=seconds, sock_connect=self._options.connect_timeout
                ),
            ) as response:
                content = await self._read_body(response, asked)
                return _Reply(response.status, response.headers, content, sent_at)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise broken(error, asked, seconds=seconds, by_deadline=by_deadline) from error

    async def _read_body(self, response: aiohttp.ClientResponse, asked: Asked) -> bytes:
        """Read the body up to the cap; what is longer, or unpacks to more, is refused."""
        most = self._options.max_response_bytes
        declared = response.content_length
        if (
            declared is not None
            and declared <= most
            and hdrs.CONTENT_ENCODING not in response.headers
        ):
            return await response.read()
        content = bytearray()
        async for chunk in response.content.iter_chunked(_CHUNK):
            content += chunk
            if len(content) > most:
                response.close()
                raise contract_broken(
                    f"its body is longer than {most} bytes", asked, response.status
                )
        return bytes(content)

    def _retry_after(self, reply: _Reply) -> float | None:
        return retry_after_seconds(reply.headers.get(hdrs.RETRY_AFTER), reply.sent_at)

    @staticmethod
    def _must_be_about(answered: ProductVariantId, asked: ProductVariantId) -> None:
        if answered != asked:
            raise Malformed(f"it is about variant {answered}, not {asked}")
