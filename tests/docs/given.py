"""What the pages' examples take for granted: a name stands for the same thing on every page.

The annotations are for mypy, which checks the examples after a `from … import *` of this; the
values are for the test that runs them.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from aiohttp import web
from dependency_injector import containers, providers
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette

import shelfport
from shelfport import (
    Availability,
    InMemoryInventory,
    InventoryIntegration,
    ProductVariantId,
    Settings,
    StockStatus,
    SystemClock,
    build,
    variant_id,
)
from shelfport.options import QueueOptions
from shelfport.outbox import QueuedInitialization

inventory: InventoryIntegration[UUID | str]
"""An open integration."""
settings: Settings
variant: UUID
new_variant: UUID
variant_ids: Sequence[UUID | str]
page: Mapping[UUID | str, Availability]
entry: QueuedInitialization
connection: Any
"""A connection of the host's to its database, by whatever driver the page speaks of."""
session: Any
registry: CollectorRegistry
SHOE: ProductVariantId
app: web.Application
"""The host's, on aiohttp.web."""
asgi_app: Starlette
make_app: Any
"""Makes the host's application, with an integration that it is given."""
page_of: Any
"""Fetches a variant's page from such an application."""

_IDS = tuple(variant_id(f"7d6aed21-5d13-5113-8dd7-fc1ddeedb6b{n}") for n in range(3))


class Pages:
    """What a host makes of the integration."""

    def __init__(self, inventory: InventoryIntegration[UUID | str]) -> None:
        self.inventory = inventory


class MyCatalog:
    """A host's catalog that has nothing to do."""

    async def mark_not_orderable(self, variant: ProductVariantId) -> None:
        """See `ProductCatalogPort.mark_not_orderable`."""

    async def mark_orderable(self, variant: ProductVariantId) -> None:
        """See `ProductCatalogPort.mark_orderable`."""

    async def show_status(
        self, variant: ProductVariantId, status: StockStatus, as_of: datetime
    ) -> None:
        """See `ProductCatalogPort.show_status`."""


my_catalog = MyCatalog()


@asynccontextmanager
async def given() -> AsyncIterator[dict[str, Any]]:
    """The names, with values that examples can work with."""
    service = InMemoryInventory(clock=SystemClock())
    for known in _IDS[:2]:
        service.set_stock(known, 3)
    settings = Settings(queue=QueueOptions(url="memory:", worker=False))
    async with build(settings, adapter=service, catalog=my_catalog) as opened:
        yield {name: getattr(shelfport, name) for name in shelfport.__all__} | {
            "inventory": opened,
            "settings": settings,
            "variant": _IDS[0],
            "new_variant": _IDS[2],
            "variant_ids": list(_IDS),
            "page": await opened.get_stock_levels(_IDS),
            "entry": opened.initialization_entry(_IDS[2]),
            "SHOE": _IDS[0],
            "app": web.Application(),
            "asgi_app": Starlette(),
            "registry": CollectorRegistry(),
            "containers": containers,
            "providers": providers,
            "Pages": Pages,
            "MyCatalog": MyCatalog,
            "my_catalog": my_catalog,
        }
