"""A Product Service without any framework: `python script.py`, and the standard library alone."""

import asyncio
import json
import os
import signal
import sqlite3
import threading
from contextlib import AbstractContextManager, closing
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import UUID, uuid4

from shelfport import (
    InitializationPolicy,
    InventoryError,
    ProductVariantId,
    StockStatus,
    build,
    health,
    load_settings,
    request_context,
)
from shelfport.outbox import enqueue_sqlite3
from shelfport.sync import SyncInventoryIntegration

DATABASE = os.environ.get("SHOP_DATABASE", "shop.db")
TABLE = """CREATE TABLE IF NOT EXISTS product (
    variant TEXT PRIMARY KEY, name TEXT NOT NULL, orderable BOOLEAN NOT NULL,
    status TEXT, status_as_of TEXT)"""


def run(statement: str, *values: object) -> None:
    with closing(sqlite3.connect(DATABASE, timeout=30)) as connection, connection:
        connection.execute(statement, values)


class Catalog:
    """What shelfport does to our products; in threads, as our database knows no event loop."""

    async def mark_not_orderable(self, variant: ProductVariantId) -> None:
        statement = "UPDATE product SET orderable = false WHERE variant = ?"
        await asyncio.to_thread(run, statement, variant)

    async def mark_orderable(self, variant: ProductVariantId) -> None:
        statement = "UPDATE product SET orderable = true WHERE variant = ?"
        await asyncio.to_thread(run, statement, variant)

    async def show_status(
        self, variant: ProductVariantId, status: StockStatus, as_of: datetime
    ) -> None:
        statement = """UPDATE product SET status = ?1, status_as_of = ?2
            WHERE variant = ?3 AND (status_as_of IS NULL OR status_as_of < ?2)"""
        await asyncio.to_thread(run, statement, status.value, as_of.isoformat(), variant)


settings = load_settings(overrides={"queue.url": f"sqlite:///{DATABASE}"})
inventory = SyncInventoryIntegration(build(settings, catalog=Catalog()))


def create(new: dict[str, str]) -> UUID:
    """The variant of a new product; what is raised rolls it back."""
    variant, policy = uuid4(), InitializationPolicy(new.get("policy", "ROLL_BACK"))
    with closing(sqlite3.connect(DATABASE, timeout=30)) as connection, connection:
        connection.execute(
            "INSERT INTO product (variant, name, orderable) VALUES (?, ?, ?)",
            (str(variant), new["name"], not policy.queues),
        )
        if policy.queues:  # the product and its entry: both, or neither
            enqueue_sqlite3(connection, inventory.initialization_entry(variant, policy=policy))
        else:
            inventory.request_inventory_initialization(variant)
    inventory.wake_worker()
    return variant


class Handler(BaseHTTPRequestHandler):
    """Answers one request, in a thread of its own."""

    def do_GET(self) -> None:
        if self.path == "/readyz":
            found = health(inventory.snapshot())
            status = 200 if found.ready else 503
            self.answer(status, {"status": found.status.value, "reasons": found.reasons})
            return
        variant = UUID(self.path.removeprefix("/products/"))
        with self.context():
            stock = inventory.get_stock_level(variant)
        self.answer(200, {"variant": str(variant), "stock": str(stock)})

    def do_POST(self) -> None:
        new = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        try:
            with self.context():
                self.answer(201, {"variant": str(create(new))})
        except InventoryError:
            self.answer(503, {"detail": "The product was not created: try again."})

    def context(self) -> AbstractContextManager[None]:
        return request_context(
            correlation_id=self.headers["X-Correlation-ID"],
            traceparent=self.headers["traceparent"],
        )

    def answer(self, status: int, content: dict[str, object]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    """Ends with the last of its answers."""

    daemon_threads = False


def main() -> None:
    run(TABLE)
    address = ("127.0.0.1", int(os.environ.get("PORT", "8000")))
    with inventory, Server(address, Handler) as server:

        def stop(*_: object) -> None:
            threading.Thread(target=server.shutdown).start()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        server.serve_forever()


if __name__ == "__main__":
    main()
