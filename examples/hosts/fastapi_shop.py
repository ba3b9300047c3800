"""A Product Service on FastAPI, with SQLAlchemy: `uvicorn fastapi_shop:app`."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated
from uuid import UUID, uuid4

from fastapi import Depends, FastAPI, HTTPException, Response
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from shelfport import (
    InitializationPolicy,
    InventoryError,
    InventoryIntegration,
    ProductVariantId,
    StockStatus,
    build,
    health,
    load_settings,
)
from shelfport.asgi import AsgiRequestContextMiddleware
from shelfport.outbox import enqueue_sqlalchemy_async

DATABASE = os.environ.get("SHOP_DATABASE", "shop.db")
TABLE = """CREATE TABLE IF NOT EXISTS product (
    variant TEXT PRIMARY KEY, name TEXT NOT NULL, orderable BOOLEAN NOT NULL,
    status TEXT, status_as_of TEXT)"""
engine = create_async_engine(f"sqlite+aiosqlite:///{DATABASE}", connect_args={"timeout": 10})


class Catalog:
    """What shelfport does to our products: lets them be ordered, and shows their status."""

    async def mark_not_orderable(self, variant: ProductVariantId) -> None:
        await self._run("UPDATE product SET orderable = false WHERE variant = :variant", variant)

    async def mark_orderable(self, variant: ProductVariantId) -> None:
        await self._run("UPDATE product SET orderable = true WHERE variant = :variant", variant)

    async def show_status(
        self, variant: ProductVariantId, status: StockStatus, as_of: datetime
    ) -> None:
        statement = """UPDATE product SET status = :status, status_as_of = :as_of
            WHERE variant = :variant AND (status_as_of IS NULL OR status_as_of < :as_of)"""
        await self._run(statement, variant, status=status.value, as_of=as_of.isoformat())

    async def _run(self, statement: str, variant: ProductVariantId, **values: str) -> None:
        async with engine.begin() as connection:
            await connection.execute(text(statement), {"variant": variant, **values})


settings = load_settings(overrides={"queue.url": f"sqlite:///{DATABASE}"})
inventory = build(settings, catalog=Catalog())


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    async with engine.begin() as connection:
        await connection.execute(text(TABLE))
    async with inventory:
        yield
    await engine.dispose()


def the_inventory() -> InventoryIntegration:
    """What a test overrides: `app.dependency_overrides[the_inventory] = lambda: fake`."""
    return inventory


Inventory = Annotated[InventoryIntegration, Depends(the_inventory)]
app = FastAPI(lifespan=lifespan)
app.add_middleware(AsgiRequestContextMiddleware)


class NewProduct(BaseModel):
    name: str
    policy: InitializationPolicy = InitializationPolicy.ROLL_BACK


@app.get("/products/{variant}")
async def show(variant: UUID, inventory: Inventory) -> dict[str, str]:
    return {"variant": str(variant), "stock": str(await inventory.get_stock_level(variant))}


@app.post("/products", status_code=201)
async def create(new: NewProduct, inventory: Inventory) -> dict[str, str]:
    variant, queued = uuid4(), new.policy.queues
    async with engine.begin() as connection:
        await connection.execute(
            text("INSERT INTO product (variant, name, orderable) VALUES (:variant, :name, :ready)"),
            {"variant": str(variant), "name": new.name, "ready": not queued},
        )
        if queued:  # the product and its entry: both, or neither
            entry = inventory.initialization_entry(variant, policy=new.policy)
            await enqueue_sqlalchemy_async(connection, entry)
        else:
            try:
                await inventory.request_inventory_initialization(variant)
            except InventoryError as error:  # rolls the product back
                raise HTTPException(503, "The product was not created: try again.") from error
    inventory.wake_worker()
    return {"variant": str(variant)}


@app.get("/readyz")
async def ready(response: Response, inventory: Inventory) -> dict[str, object]:
    found = health(inventory.snapshot())
    response.status_code = 200 if found.ready else 503
    return {"status": found.status.value, "reasons": found.reasons}
