"""The three operations of inventory-service.yaml."""

import asyncio
import hmac
from typing import Any
from uuid import UUID

import msgspec
from aiohttp import web

from shelfport.adapters.http.wire import InitializeInventoryRequestBody
from shelfport.contracts.sandbox.checks import (
    check_envelope,
    idempotency_key_of,
    initialization_of,
    variant_of,
    variants_of,
)
from shelfport.contracts.sandbox.middleware import Delay, request_delay, request_mode
from shelfport.contracts.sandbox.problems import RequestRefused
from shelfport.contracts.sandbox.store import Exists, Opened, Reused, Store
from shelfport.domain.model import IdFormat


class Api:
    """The endpoints over a store.

    Args:
        store: the records and keys.
        token: the bearer token that requests must carry; None accepts every request.
        id_format: what ids look like.
    """

    def __init__(self, store: Store, token: str | None, id_format: IdFormat) -> None:
        self._id_format = id_format
        self._store = store
        self._token = token
        self._working: dict[UUID, InitializeInventoryRequestBody] = {}
        self._held: set[UUID] = set()
        self._tasks: set[asyncio.Task[Opened | Exists | Reused]] = set()

    def install(self, app: web.Application) -> None:
        """Add the routes to `app`."""
        app.router.add_get("/inventory", self._get_stock_levels, allow_head=False)
        # aiohttp's own pattern of a part excludes braces, which an id may have.
        one = "/inventory/{productVariantId:[^/]+}"
        app.router.add_get(one, self._get_stock_level, allow_head=False)
        app.router.add_post("/inventory", self._initialize_inventory)

    async def close(self) -> None:
        """Cancel the writes that still wait for their latency."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def hold(self, key: UUID, wanted: InitializeInventoryRequestBody) -> None:
        """Treat `key` as in progress, with this request, until `release`."""
        self._working[key] = wanted
        self._held.add(key)

    def release(self) -> None:
        """Release all held keys."""
        while self._held:
            del self._working[self._held.pop()]

    async def _get_stock_levels(self, request: web.Request) -> web.Response:
        self._admit(request)
        return _json(self._store.levels(variants_of(request, self._id_format)))

    async def _get_stock_level(self, request: web.Request) -> web.Response:
        self._admit(request)
        text = request.match_info["productVariantId"]
        variant_id = variant_of("productVariantId", text, self._id_format)
        level = self._store.level(variant_id)
        if level is None:
            raise RequestRefused("unknown-variant", f"No inventory record of variant {variant_id}.")
        return _json(level)

    async def _initialize_inventory(self, request: web.Request) -> web.Response:
        self._admit(request)
        key = idempotency_key_of(request)
        wanted = await initialization_of(request, self._id_format)
        if key in self._working:
            if self._working[key] != wanted:
                raise RequestRefused("key-reused")
            raise RequestRefused("in-progress", f"Idempotency-Key {key} is being worked on.")
        self._working[key] = wanted
        remembered = request_mode.get() != "crash_after_write"
        task = asyncio.create_task(self._open(key, wanted, request_delay.get(), remembered))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # Like a real service, the sandbox finishes a write although its client has left.
        match await asyncio.shield(task):
            case Opened(item):
                return _json(item, status=201)
            case Exists(level):
                raise RequestRefused(
                    "record-exists",
                    f"Variant {wanted.variant_id} has an inventory record.",
                    current=level,
                )
            case Reused():
                raise RequestRefused("key-reused")

    async def _open(
        self, key: UUID, wanted: InitializeInventoryRequestBody, delay: Delay, remembered: bool
    ) -> Opened | Exists | Reused:
        try:
            await delay.once()
            return self._store.initialize(key, wanted, remembered=remembered)
        finally:
            del self._working[key]

    def _admit(self, request: web.Request) -> None:
        if self._token is not None:
            scheme, _, token = request.headers.get("Authorization", "").partition(" ")
            given = token.strip().encode("utf-8", "surrogateescape")
            if scheme.lower() != "bearer" or not hmac.compare_digest(given, self._token.encode()):
                raise RequestRefused("unauthenticated")
        check_envelope(request)


def _json(value: Any, *, status: int = 200) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(value), status=status, content_type="application/json"
    )
