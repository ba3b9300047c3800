"""The sandbox's store: inventory records, and the idempotency keys that opened them.

SQLite, in a file or in memory. Each write is one transaction, so a killed sandbox restarts with
whole records. Every call takes well under a millisecond (one row, or one indexed query of 200) and
runs in the event loop: a thread would cost more than it saves, and two writes could interleave.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import attrs
import msgspec

from shelfport.adapters.http.wire import (
    InitializeInventoryRequestBody,
    InventoryItemBody,
    InventoryStockLevelBody,
)
from shelfport.domain.model import MAX_QUANTITY, ProductVariantId, StockStatus

DEFAULT_THRESHOLD = 10
"""The low-stock threshold, in units, of a record that was opened without one."""

_SCHEMA_VERSION = 1
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS record (
    variant_id TEXT PRIMARY KEY,
    quantity INTEGER NOT NULL,
    threshold INTEGER NOT NULL,
    updated_at TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS idempotency (
    key TEXT PRIMARY KEY,
    request BLOB NOT NULL,
    item BLOB NOT NULL
) WITHOUT ROWID;
PRAGMA user_version = {_SCHEMA_VERSION};
"""


def status_of(quantity: int, threshold: int) -> StockStatus:
    """The status that the contract derives from `quantity` and `threshold`, both in units."""
    if quantity == 0:
        return StockStatus.OUT_OF_STOCK
    return StockStatus.LOW_STOCK if quantity <= threshold else StockStatus.IN_STOCK


def check_units(name: str, value: object) -> None:
    """Check that `value` is a valid number of units.

    Raises:
        ValueError: `value` is not an int from 0 to `MAX_QUANTITY`; the sentence starts with `name`.
    """
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_QUANTITY:
        raise ValueError(f"{name} is {value!r}: it must be an integer from 0 to {MAX_QUANTITY}.")


def _units(_instance: object, field: "attrs.Attribute[int]", value: int) -> None:
    check_units(field.name, value)


@attrs.frozen
class SeedRecord:
    """A record that exists from the start, as if an unknown key had opened it."""

    variant_id: ProductVariantId
    available_quantity: int = attrs.field(validator=_units)
    """Units that can be sold."""
    low_stock_threshold: int = attrs.field(default=DEFAULT_THRESHOLD, validator=_units)
    """The stock is low at this many units or fewer."""


@attrs.frozen
class Opened:
    """The key opened the record, now or earlier; `item` is the first answer."""

    item: InventoryItemBody


@attrs.frozen
class Exists:
    """Another key, or the seed, opened the variant's record; nothing was written."""

    level: InventoryStockLevelBody


@attrs.frozen
class Reused:
    """The key was used with another request before; nothing was written."""


@attrs.frozen
class StatusChange:
    """The status of an existing record changed."""

    variant_id: ProductVariantId
    before: StockStatus
    after: StockStatus
    at: datetime
    """The record's `updatedAt`."""


class Store:
    """Records and keys. Constructing it does no I/O; `open` does.

    The sandbox reserves no units, so `quantity` and `availableQuantity` of a record are equal.

    Args:
        path: the database file, or None for memory (lost at `close`).
        clock: the current instant, aware.
        changed: called after a write that changed the status of a record.
    """

    _one_record_a_variant = True

    def __init__(
        self,
        path: Path | None,
        clock: Callable[[], datetime],
        changed: Callable[[StatusChange], None] = lambda _change: None,
    ) -> None:
        self._path = path
        self._clock = clock
        self._changed = changed
        self._connection: sqlite3.Connection | None = None

    def open(self) -> None:
        """Open the database, and create missing tables.

        Raises:
            ValueError: the file cannot be opened, or is not a sandbox store; one sentence.
        """
        target = ":memory:" if self._path is None else str(self._path)
        try:
            connection = sqlite3.connect(target, timeout=1, isolation_level=None)
        except sqlite3.Error as error:
            raise ValueError(f"{target} cannot be opened as a sandbox store: {error}.") from error
        try:
            _prepare(connection, target)
        except BaseException:
            connection.close()
            raise
        self._connection = connection

    def close(self) -> None:
        """Close the database; a second call does nothing."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @property
    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            raise RuntimeError("the sandbox is not running: enter it with 'async with' first")
        return self._connection

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """One write transaction, which takes its lock at once, so that it cannot fail half way."""
        connection = self._open
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def seed(self, records: Iterable[SeedRecord], *, wipe: bool = False) -> None:
        """Add the missing ones of `records`; with `wipe`, delete everything else first."""
        now = self._now()
        rows = [
            (str(r.variant_id), r.available_quantity, r.low_stock_threshold, now) for r in records
        ]
        with self._transaction() as connection:
            if wipe:
                connection.execute("DELETE FROM record")
                connection.execute("DELETE FROM idempotency")
            connection.executemany("INSERT OR IGNORE INTO record VALUES (?, ?, ?, ?)", rows)

    def count(self) -> int:
        """How many variants have a record."""
        (count,) = self._open.execute("SELECT count(*) FROM record").fetchone()
        return int(count)

    def levels(self, ids: Sequence[ProductVariantId]) -> list[InventoryStockLevelBody]:
        """The levels of the ids that have a record, each once, in no particular order."""
        keys = list({str(variant_id) for variant_id in ids})
        rows = self._open.execute(
            "SELECT variant_id, quantity, threshold, updated_at FROM record"
            " WHERE variant_id IN (SELECT value FROM json_each(?))",
            (msgspec.json.encode(keys).decode(),),
        )
        return [_level(*row) for row in rows]

    def level(self, variant_id: ProductVariantId) -> InventoryStockLevelBody | None:
        """The level of `variant_id`, or None if it has no record."""
        row = self._open.execute(
            "SELECT variant_id, quantity, threshold, updated_at FROM record WHERE variant_id = ?",
            (str(variant_id),),
        ).fetchone()
        return None if row is None else _level(*row)

    def initialize(
        self, key: UUID, request: InitializeInventoryRequestBody, *, remembered: bool = True
    ) -> Opened | Exists | Reused:
        """Open the record of `request`, at most once for `key`.

        Args:
            key: the idempotency key.
            request: the record to open.
            remembered: whether `key` is stored with the record, as the contract promises.
        """
        payload = msgspec.json.encode(request)
        with self._transaction() as connection:
            known = connection.execute(
                "SELECT request, item FROM idempotency WHERE key = ?", (str(key),)
            ).fetchone()
            if known is not None:
                if known[0] != payload:
                    return Reused()
                return Opened(msgspec.json.decode(known[1], type=InventoryItemBody))
            level = self.level(request.variant_id)
            if level is not None and self._one_record_a_variant:
                return Exists(level)
            now = self._now()
            item = InventoryItemBody(
                id=uuid4(),
                variant_id=request.variant_id,
                quantity=request.initial_quantity,
                available_quantity=request.initial_quantity,
                status=status_of(request.initial_quantity, request.low_stock_threshold),
                updated_at=datetime.fromisoformat(now),
            )
            self._write(item.variant_id, item.quantity, request.low_stock_threshold, now)
            self._note_opening(key, item)
            if remembered:
                connection.execute(
                    "INSERT INTO idempotency VALUES (?, ?, ?)",
                    (str(key), payload, msgspec.json.encode(item)),
                )
            return Opened(item)

    def _note_opening(self, key: UUID, item: InventoryItemBody) -> None:
        """Record, in the same transaction, that `key` opened `item`; a plain store does nothing."""

    def set_stock(
        self, variant_id: ProductVariantId, quantity: int, threshold: int | None = None
    ) -> InventoryStockLevelBody:
        """Set a variant's stock, and open its record if it has none.

        Equal values change nothing, `updatedAt` included.

        Args:
            variant_id: the variant.
            quantity: units that can be sold.
            threshold: units at which the stock is low; None keeps the record's, or takes 10.

        Raises:
            ValueError: a number is not a valid number of units.
        """
        check_units("availableQuantity", quantity)
        if threshold is not None:
            check_units("lowStockThreshold", threshold)
        with self._transaction() as connection:
            row = connection.execute(
                "SELECT quantity, threshold FROM record WHERE variant_id = ?", (str(variant_id),)
            ).fetchone()
            if threshold is None:
                threshold = DEFAULT_THRESHOLD if row is None else row[1]
            if row != (quantity, threshold):
                self._write(variant_id, quantity, threshold, self._now())
        level = self.level(variant_id)
        assert level is not None  # noqa: S101 - it was written or found above
        before = level.status if row is None else status_of(*row)
        if before is not level.status:
            self._changed(StatusChange(variant_id, before, level.status, level.updated_at))
        return level

    def forget(self, variant_id: ProductVariantId) -> None:
        """Remove a variant's record, if there is one, and the keys that opened it."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM record WHERE variant_id = ?", (str(variant_id),))
            connection.execute(
                "DELETE FROM idempotency"
                " WHERE json_extract(CAST(request AS TEXT), '$.productVariantId') = ?",
                (str(variant_id),),
            )

    def _write(self, variant_id: ProductVariantId, quantity: int, threshold: int, now: str) -> None:
        # All instants are UTC text of one form, so max() compares them in time: the contract's
        # updatedAt never goes back, not even when the machine's clock is set back.
        self._open.execute(
            "INSERT INTO record VALUES (?, ?, ?, ?) ON CONFLICT (variant_id) DO UPDATE SET"
            " quantity = excluded.quantity, threshold = excluded.threshold,"
            " updated_at = max(updated_at, excluded.updated_at)",
            (str(variant_id), quantity, threshold, now),
        )

    def _now(self) -> str:
        now = self._clock()
        if now.utcoffset() is None:
            raise ValueError("the sandbox's clock gave a naive datetime: it must be aware")
        return now.astimezone(UTC).isoformat(timespec="microseconds")


def _prepare(connection: sqlite3.Connection, target: str) -> None:
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if version != _SCHEMA_VERSION and (version or tables):
            raise ValueError(f"{target} is not a sandbox store of this version: use a new file.")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.executescript(_SCHEMA)
    except sqlite3.Error as error:
        raise ValueError(f"{target} cannot be opened as a sandbox store: {error}.") from error


def _level(
    variant_id: str, quantity: int, threshold: int, updated_at: str
) -> InventoryStockLevelBody:
    return InventoryStockLevelBody(
        variant_id=ProductVariantId(variant_id),
        available_quantity=quantity,
        status=status_of(quantity, threshold),
        updated_at=datetime.fromisoformat(updated_at),
    )
