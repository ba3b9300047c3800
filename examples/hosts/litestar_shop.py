"""A Product Service on Litestar, with its products in memory: `hypercorn litestar_shop:app`."""

import os
from datetime import datetime
from uuid import UUID, uuid4

import attrs
from litestar import Litestar, Response, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, JSONBody

from shelfport import (
    InitializationPolicy,
    InventoryError,
    InventoryIntegration,
    ProductVariantId,
    Queued,
    StockStatus,
    build,
    health,
    load_settings,
    variant_id,
)
from shelfport.asgi import AsgiRequestContextMiddleware, lifespan

QUEUE = f"sqlite:///{os.environ.get('SHOP_DATABASE', 'shop.db')}"


@attrs.define
class Product:
    name: str
    orderable: bool
    status: StockStatus | None = None
    status_as_of: datetime | None = None


class Catalog(dict[ProductVariantId, Product]):
    """Our products, and what shelfport does to them; one that we do not know is no error."""

    async def mark_not_orderable(self, variant: ProductVariantId) -> None:
        if product := self.get(variant):
            product.orderable = False

    async def mark_orderable(self, variant: ProductVariantId) -> None:
        if product := self.get(variant):
            product.orderable = True

    async def show_status(
        self, variant: ProductVariantId, status: StockStatus, as_of: datetime
    ) -> None:
        product = self.get(variant)
        if product and (product.status_as_of is None or product.status_as_of < as_of):
            product.status, product.status_as_of = status, as_of


catalog = Catalog()
settings = load_settings(overrides={"queue.url": QUEUE})
the_inventory = build(settings, catalog=catalog)


Inventory = NamedDependency[InventoryIntegration]


def provide_inventory() -> InventoryIntegration:
    """Around it, as Litestar reads the signature of what it is given."""
    return the_inventory


@attrs.frozen
class NewProduct:
    name: str
    policy: InitializationPolicy = InitializationPolicy.ROLL_BACK


@get("/products/{variant:uuid}")
async def show(variant: FromPath[UUID], inventory: Inventory) -> dict[str, str]:
    return {"variant": str(variant), "stock": str(await inventory.get_stock_level(variant))}


@post("/products")
async def create(data: JSONBody[NewProduct], inventory: Inventory) -> Response[dict[str, str]]:
    variant = variant_id(uuid4())
    catalog[variant] = Product(data.name, orderable=False)
    try:
        outcome = await inventory.request_inventory_initialization(variant, policy=data.policy)
    except InventoryError:
        del catalog[variant]
        return Response({"detail": "The product was not created: try again."}, status_code=503)
    if not isinstance(outcome, Queued):  # else the worker says when it can be ordered
        catalog[variant].orderable = True
    return Response({"variant": str(variant)}, status_code=201)


@get("/readyz")
async def ready(inventory: Inventory) -> Response[dict[str, object]]:
    found = health(inventory.snapshot())
    content: dict[str, object] = {"status": found.status.value, "reasons": found.reasons}
    return Response(content, status_code=200 if found.ready else 503)


app = Litestar(
    [show, create, ready],
    dependencies={"inventory": Provide(provide_inventory, sync_to_thread=False)},
    lifespan=[lifespan(the_inventory)],
    middleware=[AsgiRequestContextMiddleware],
)
