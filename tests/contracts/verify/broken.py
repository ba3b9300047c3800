"""A sandbox that breaks the contract in one way: a server forwards and damages its answers.

Each way says which interactions of the pact it breaks, and breaks no other.
"""

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import aiohttp
import attrs
import msgspec
from aiohttp import web
from multidict import CIMultiDict

from shelfport.contracts.sandbox import Sandbox
from tests.support.servers import serving

OWN = {"content-length", "date", "server", "transfer-encoding"}
"""Headers that a server makes itself."""


@attrs.define
class Exchange:
    """A request on its way to the sandbox, then the answer on its way back."""

    method: str
    path: str
    """As it was sent, with its query."""
    request_headers: CIMultiDict[str]
    request_body: bytes
    status: int = 0
    headers: CIMultiDict[str] = attrs.field(factory=CIMultiDict)
    document: Any = None

    @property
    def one(self) -> bool:
        """Whether it asks for one variant's stock."""
        return self.path.startswith("/inventory/")

    @property
    def several(self) -> bool:
        """Whether it asks for several variants' stock."""
        return self.path.startswith("/inventory?")


Damage = Callable[[Exchange], None]


@attrs.frozen
class Way:
    """One way to break the contract."""

    name: str
    breaks: Collection[str]
    """The descriptions of the interactions that no longer hold."""
    answer: Damage = lambda _: None
    request: Damage = lambda _: None


@asynccontextmanager
async def broken(sandbox: Sandbox, way: Way) -> AsyncIterator[str]:
    """The URL of a server that answers as `sandbox` does, except for `way`."""
    async with aiohttp.ClientSession(sandbox.url) as session:

        async def answer(request: web.BaseRequest) -> web.StreamResponse:
            exchange = Exchange(
                request.method,
                request.raw_path,
                CIMultiDict(request.headers),
                await request.read(),
            )
            way.request(exchange)
            async with session.request(
                exchange.method,
                exchange.path,
                headers=exchange.request_headers,
                data=exchange.request_body or None,
            ) as response:
                exchange.status = response.status
                exchange.headers = CIMultiDict(
                    (name, value)
                    for name, value in response.headers.items()
                    if name.lower() not in OWN
                )
                exchange.document = msgspec.json.decode(await response.read())
            way.answer(exchange)
            body = msgspec.json.encode(exchange.document)
            return web.Response(status=exchange.status, headers=exchange.headers, body=body)

        async with serving(answer) as service:
            yield service.url


STOCKED = "getStockLevel of a variant with stock"
UNKNOWN = "getStockLevel of a variant without a record"
OPENED = "initializeInventory of a variant without a record"
REPEATED = "initializeInventory repeated under the same key"
EXISTS = "initializeInventory of a variant with a record"
SAME_KEY = "initializeInventory while the same key is worked on"
REUSED = "initializeInventory under the key of another request"
PAGES = (
    "getStockLevels of two variants with stock",
    "getStockLevels of a variant with stock and one without a record",
)
NO_RECORDS = "getStockLevels of variants without a record"


def each(circumstance: str) -> list[str]:
    """The interactions of every operation in one circumstance."""
    operations = ("getStockLevel", "getStockLevels", "initializeInventory")
    return [f"{operation} {circumstance}" for operation in operations]


def _loses_updated_at(exchange: Exchange) -> None:
    if exchange.one and exchange.status == 200:
        del exchange.document["updatedAt"]


def _knows_another_status(exchange: Exchange) -> None:
    if exchange.several and exchange.status == 200:
        for level in exchange.document:
            level["status"] = "AVAILABLE"


def _counts_in_strings(exchange: Exchange) -> None:
    if exchange.several and exchange.status == 200:
        for level in exchange.document:
            level["availableQuantity"] = str(level["availableQuantity"])


def _answers_unknown_with_null(exchange: Exchange) -> None:
    if exchange.status == 404:
        exchange.status, exchange.document = 200, None
        exchange.headers["Content-Type"] = "application/json"


def _has_its_own_problems(exchange: Exchange) -> None:
    if exchange.status == 404:
        exchange.document["type"] = "about:blank"


def _writes_local_time(exchange: Exchange) -> None:
    if exchange.status == 201:
        exchange.document["updatedAt"] = exchange.document["updatedAt"].removesuffix("Z")


def _is_down_for_good(exchange: Exchange) -> None:
    if exchange.status == 503:
        del exchange.headers["Retry-After"]


def _waits_until_a_date(exchange: Exchange) -> None:
    if exchange.status == 429:
        exchange.headers["Retry-After"] = "Fri, 31 Dec 2027 23:59:59 GMT"


def _keeps_the_stock_to_itself(exchange: Exchange) -> None:
    if exchange.status == 409:
        exchange.document.pop("current", None)


def _declares_problems_as_json(exchange: Exchange) -> None:
    if exchange.status == 403:
        exchange.headers["Content-Type"] = "application/json"


def _ignores_the_key(exchange: Exchange) -> None:
    if exchange.method == "POST":
        exchange.request_headers["Idempotency-Key"] = str(uuid4())


def _invents_empty_stock(exchange: Exchange) -> None:
    if exchange.several and exchange.status == 200:
        _, _, asked = exchange.path.partition("=")
        known = {level["productVariantId"] for level in exchange.document}
        exchange.document += [
            {
                "productVariantId": variant,
                "availableQuantity": 0,
                "status": "OUT_OF_STOCK",
                "updatedAt": "2026-03-14T09:20:00Z",
            }
            for variant in asked.replace("%2C", ",").split(",")
            if variant not in known
        ]


def _mistakes_strangers_for_friends(exchange: Exchange) -> None:
    if exchange.status == 401:
        exchange.status = 403


def _stamps_events_in_seconds(exchange: Exchange) -> None:
    if "timestamp" in exchange.document and b"OutOfStock" in exchange.request_body:
        exchange.document["timestamp"] = 1773480413


WAYS = (
    Way("a field is missing", {STOCKED}, _loses_updated_at),
    Way("a status that the contract does not know", PAGES, _knows_another_status),
    Way("a quantity as a string", PAGES, _counts_in_strings),
    Way("200 and null where it is 404", {UNKNOWN}, _answers_unknown_with_null),
    Way("a problem of another type", {UNKNOWN}, _has_its_own_problems),
    Way("an instant without its offset", {OPENED, REPEATED}, _writes_local_time),
    Way("no Retry-After while down", each("while the service is down"), _is_down_for_good),
    Way("Retry-After as a date", each("too often"), _waits_until_a_date),
    Way("403 where it is 401", each("without valid credentials"), _mistakes_strangers_for_friends),
    Way("a conflict without the current stock", {EXISTS}, _keeps_the_stock_to_itself),
    Way(
        "problems of the wrong content type", each("without permission"), _declares_problems_as_json
    ),
    Way("the idempotency key is ignored", {REPEATED, SAME_KEY, REUSED}, request=_ignores_the_key),
    Way("variants without a record are answered", {PAGES[1], NO_RECORDS}, _invents_empty_stock),
    Way("an event's instant in seconds", {"InventoryOutOfStockEvent"}, _stamps_events_in_seconds),
)
