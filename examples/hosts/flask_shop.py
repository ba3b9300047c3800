"""A Product Service on Flask, with SQLAlchemy: `gunicorn -w 4 --threads 8 flask_shop:app`."""

import asyncio
import os
from datetime import datetime
from uuid import UUID, uuid4

from flask import Flask, request
from flask.typing import ResponseReturnValue
from sqlalchemy import create_engine, text

from shelfport import (
    InitializationPolicy,
    InventoryError,
    ProductVariantId,
    StockStatus,
    build,
    health,
    load_settings,
)
from shelfport.outbox import enqueue_sqlalchemy
from shelfport.sync import SyncInventoryIntegration
from shelfport.wsgi import WsgiRequestContextMiddleware

DATABASE = os.environ.get("SHOP_DATABASE", "shop.db")
TABLE = """CREATE TABLE IF NOT EXISTS product (
    variant TEXT PRIMARY KEY, name TEXT NOT NULL, orderable BOOLEAN NOT NULL,
    status TEXT, status_as_of TEXT)"""
engine = create_engine(f"sqlite:///{DATABASE}", connect_args={"timeout": 30})


class Catalog:
    """What shelfport does to our products; in threads, as our database knows no event loop."""

    async def mark_not_orderable(self, variant: ProductVariantId) -> None:
        statement = "UPDATE product SET orderable = false WHERE variant = :variant"
        await asyncio.to_thread(self._run, statement, variant)

    async def mark_orderable(self, variant: ProductVariantId) -> None:
        statement = "UPDATE product SET orderable = true WHERE variant = :variant"
        await asyncio.to_thread(self._run, statement, variant)

    async def show_status(
        self, variant: ProductVariantId, status: StockStatus, as_of: datetime
    ) -> None:
        statement = """UPDATE product SET status = :status, status_as_of = :as_of
            WHERE variant = :variant AND (status_as_of IS NULL OR status_as_of < :as_of)"""
        shown = {"status": status.value, "as_of": as_of.isoformat()}
        await asyncio.to_thread(self._run, statement, variant, **shown)

    def _run(self, statement: str, variant: ProductVariantId, **values: str) -> None:
        with engine.begin() as connection:
            connection.execute(text(statement), {"variant": variant, **values})


settings = load_settings(overrides={"queue.url": f"sqlite:///{DATABASE}"})
inventory = SyncInventoryIntegration(build(settings, catalog=Catalog()))
app = Flask(__name__)


@app.get("/products/<uuid:variant>")
def show(variant: UUID) -> ResponseReturnValue:
    return {"variant": str(variant), "stock": str(inventory.get_stock_level(variant))}


@app.post("/products")
def create() -> ResponseReturnValue:
    new = request.get_json()
    variant, policy = uuid4(), InitializationPolicy(new.get("policy", "ROLL_BACK"))
    try:
        with engine.begin() as connection:
            connection.execute(
                text("INSERT INTO product (variant, name, orderable) VALUES (:id, :name, :ready)"),
                {"id": str(variant), "name": new["name"], "ready": not policy.queues},
            )
            if policy.queues:  # the product and its entry: both, or neither
                entry = inventory.initialization_entry(variant, policy=policy)
                enqueue_sqlalchemy(connection, entry)
            else:  # what it raises rolls the product back
                inventory.request_inventory_initialization(variant)
    except InventoryError:
        return {"detail": "The product was not created: try again."}, 503
    inventory.wake_worker()
    return {"variant": str(variant)}, 201


@app.get("/readyz")
def ready() -> ResponseReturnValue:
    found = health(inventory.snapshot())
    status = 200 if found.ready else 503
    return {"status": found.status.value, "reasons": found.reasons}, status


app.wsgi_app = WsgiRequestContextMiddleware(app.wsgi_app)  # type: ignore[method-assign]  # Flask's own way
with engine.begin() as connection:
    connection.execute(text(TABLE))
engine.dispose()
inventory.open()  # gunicorn imports this module in each worker; with --preload: in post_fork
