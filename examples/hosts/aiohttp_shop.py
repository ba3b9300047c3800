"""A Product Service on aiohttp.web, with its products in memory: `python aiohttp_shop.py`."""

import json
import os
from datetime import datetime
from uuid import UUID, uuid4

import attrs
from aiohttp import web

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
from shelfport.aiohttp_web import cleanup_context, request_context_middleware

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


INVENTORY = web.AppKey("inventory", InventoryIntegration)
CATALOGUE = web.AppKey("catalog", Catalog)
routes = web.RouteTableDef()


@routes.get("/products/{variant}")
async def show(request: web.Request) -> web.Response:
    variant = UUID(request.match_info["variant"])
    stock = await request.app[INVENTORY].get_stock_level(variant)
    return web.json_response({"variant": str(variant), "stock": str(stock)})


@routes.post("/products")
async def create(request: web.Request) -> web.Response:
    new = await request.json()
    variant = variant_id(uuid4())
    policy = InitializationPolicy(new.get("policy", "ROLL_BACK"))
    catalog = request.app[CATALOGUE]
    catalog[variant] = Product(new["name"], orderable=False)
    try:
        outcome = await request.app[INVENTORY].request_inventory_initialization(
            variant, policy=policy
        )
    except InventoryError:
        del catalog[variant]
        detail = {"detail": "The product was not created: try again."}
        raise web.HTTPServiceUnavailable(text=json.dumps(detail)) from None
    if not isinstance(outcome, Queued):  # else the worker says when it can be ordered
        catalog[variant].orderable = True
    return web.json_response({"variant": str(variant)}, status=201)


@routes.get("/readyz")
async def ready(request: web.Request) -> web.Response:
    found = health(request.app[INVENTORY].snapshot())
    content = {"status": found.status.value, "reasons": found.reasons}
    return web.json_response(content, status=200 if found.ready else 503)


def make_app() -> web.Application:
    catalog = Catalog()
    settings = load_settings(overrides={"queue.url": QUEUE})
    inventory = build(settings, catalog=catalog)
    app = web.Application(middlewares=[request_context_middleware])
    app[INVENTORY], app[CATALOGUE] = inventory, catalog
    app.cleanup_ctx.append(cleanup_context(inventory))
    app.add_routes(routes)
    return app


if __name__ == "__main__":
    port = int(os.environ.get("PORT", "8000"))
    web.run_app(make_app(), host="127.0.0.1", port=port, access_log=None)
