"""The contestants: bare aiohttp, shelfport, and two stacks that a team would assemble."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import aiohttp
import attrs
import msgspec
from yarl import URL

from shelfport import InventoryIntegration, Settings, StockStatus, build


@attrs.frozen
class BareLevel:
    """A stock level without validation."""

    variant_id: UUID
    available_quantity: int
    status: StockStatus
    updated_at: datetime


class _Wire(msgspec.Struct, rename="camel"):
    product_variant_id: UUID
    available_quantity: Annotated[int, msgspec.Meta(ge=0)]
    status: StockStatus
    updated_at: Annotated[datetime, msgspec.Meta(tz=True)]


_decode = msgspec.json.Decoder(list[_Wire]).decode


class Bare:
    """aiohttp and msgspec, decoded to attrs: the least work of a client in Python.

    No timeout but aiohttp's, no retry, no breaker, no record, no memory.
    """

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def page(self, ids: Sequence[UUID]) -> dict[UUID, BareLevel]:
        """The levels of a page."""
        text = ",".join(msgspec.to_builtins(ids))
        url = URL(f"{self._url}/inventory?productVariantIds={text}", encoded=True)
        async with self._session.get(url) as response:
            body = await response.read()
        return {
            level.product_variant_id: BareLevel(
                level.product_variant_id,
                level.available_quantity,
                level.status,
                level.updated_at,
            )
            for level in _decode(body)
        }


@asynccontextmanager
async def bare(url: str) -> AsyncIterator[Bare]:
    """A `Bare` client of the service at `url`, with connections as many as needed."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        yield Bare(session, url)


@asynccontextmanager
async def shelfport(url: str, **settings: Any) -> AsyncIterator[InventoryIntegration]:
    """A host of shelfport with its defaults, for the service at `url`."""
    async with build(Settings(base_url=url, **settings)) as inventory:
        yield inventory
