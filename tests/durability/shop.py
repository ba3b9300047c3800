"""The host's own database: products, their markings, and its `ProductCatalogPort`."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

import attrs
import psycopg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from shelfport import ProductVariantId, StockStatus
from shelfport.adapters.queue.sql.row import TABLE
from shelfport.outbox import QueuedInitialization, enqueue_psycopg, enqueue_sqlite3
from tests.durability.plan import Product
from tests.support.enqueuing import file_of

_TABLES = (
    "CREATE TABLE product (number INTEGER PRIMARY KEY, variant TEXT NOT NULL UNIQUE,"
    " key TEXT NOT NULL, orderable BOOLEAN NOT NULL)",
    "CREATE TABLE markings (variant TEXT NOT NULL, orderable BOOLEAN NOT NULL, at TEXT NOT NULL)",
)


@attrs.frozen
class Row:
    """A product as the database has it."""

    number: int
    variant: str
    key: str
    orderable: bool


@attrs.frozen
class Marking:
    """One call of the catalog: a product was marked as orderable, or as not orderable."""

    variant: str
    orderable: bool
    at: datetime


class Connection(Protocol):
    """The common part of sqlite3 and psycopg that is used here."""

    def execute(self, query: Any, params: Sequence[Any] = (), /) -> Any:
        """Run a statement."""
        ...


class Shop:
    """The host's side, without asyncio: creates products, and reads the state at the end."""

    def __init__(self, url: str) -> None:
        self._sqlite = url.startswith("sqlite")
        self._connection: Any
        if self._sqlite:
            self._connection = sqlite3.connect(file_of(url), timeout=30, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode = WAL")
        else:
            self._connection = psycopg.connect(url, autocommit=True)

    def close(self) -> None:
        self._connection.close()

    def create_tables(self) -> None:
        for statement in _TABLES:
            self._execute(statement)

    def create(self, product: Product, entry: QueuedInitialization, *, commit: bool) -> None:
        """Create a product and its entry in one transaction, which may be rolled back."""
        with self._transaction(commit=commit):
            self._execute(
                "INSERT INTO product VALUES (?, ?, ?, ?)",
                product.number,
                str(product.variant),
                str(entry.request.idempotency_key),
                product.orderable,
            )
            (enqueue_sqlite3 if self._sqlite else enqueue_psycopg)(self._connection, entry)

    @contextmanager
    def _transaction(self, *, commit: bool) -> Iterator[None]:
        self._execute("BEGIN IMMEDIATE" if self._sqlite else "BEGIN")
        yield
        self._execute("COMMIT" if commit else "ROLLBACK")

    def _execute(self, statement: str, *values: object) -> Any:
        mark = "?" if self._sqlite else "%s"
        return self._connection.execute(statement.replace("?", mark), values)

    def numbers(self) -> set[int]:
        """All products."""
        return {number for (number,) in self._execute("SELECT number FROM product")}

    def count(self) -> int:
        """How many products there are."""
        return int(self._execute("SELECT count(*) FROM product").fetchone()[0])

    def waiting(self) -> int:
        """How many entries wait."""
        waiting = f"SELECT count(*) FROM {TABLE} WHERE dead_at IS NULL"
        return int(self._execute(waiting).fetchone()[0])

    def products(self) -> list[Row]:
        rows = self._execute("SELECT number, variant, key, orderable FROM product")
        return [Row(number, variant, key, bool(flag)) for number, variant, key, flag in rows]

    def markings(self) -> list[Marking]:
        """Oldest first."""
        rows = self._execute("SELECT variant, orderable, at FROM markings ORDER BY at")
        return [
            Marking(variant, bool(flag), datetime.fromisoformat(at)) for variant, flag, at in rows
        ]

    def left(self) -> list[tuple[UUID, str | None]]:
        """The entries of the queue: the key, and the reason of a dead letter."""
        rows = self._execute(f"SELECT idempotency_key, dead_reason FROM {TABLE}")
        return [(UUID(key), reason) for key, reason in rows]


class Catalog:
    """A `ProductCatalogPort` over the product table."""

    def __init__(self, url: str) -> None:
        self._engine: AsyncEngine = create_async_engine(
            url.replace("sqlite://", "sqlite+aiosqlite://").replace(
                "postgresql://", "postgresql+asyncpg://"
            )
        )

    async def close(self) -> None:
        await self._engine.dispose()

    async def mark_not_orderable(self, variant: ProductVariantId) -> None:
        """See `ProductCatalogPort`."""
        await self._mark(variant, orderable=False)

    async def mark_orderable(self, variant: ProductVariantId) -> None:
        """See `ProductCatalogPort`."""
        await self._mark(variant, orderable=True)

    async def _mark(self, variant: ProductVariantId, *, orderable: bool) -> None:
        values = {"variant": str(variant), "orderable": orderable}
        async with self._engine.begin() as connection:
            await connection.execute(
                text("UPDATE product SET orderable = :orderable WHERE variant = :variant"), values
            )
            await connection.execute(
                text("INSERT INTO markings VALUES (:variant, :orderable, :at)"),
                {**values, "at": datetime.now(UTC).isoformat(timespec="microseconds")},
            )

    async def show_status(
        self, variant: ProductVariantId, status: StockStatus, as_of: datetime
    ) -> None:
        """See `ProductCatalogPort`: no event reaches these runs."""
