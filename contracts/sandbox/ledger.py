"""`Ledger`: a store that shows when a client opens a record twice.

The contract protects a careless client: the service refuses a second key for a variant with
`record-exists`, and a test does not see that the client sent it. A ledger refuses no key. Every
distinct key opens a record, and no record is overwritten, so that a test can count the records of
a variant and prove that the client opens exactly one.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import attrs

from shelfport.adapters.http.wire import InventoryItemBody
from shelfport.contracts.sandbox.store import SeedRecord, Store
from shelfport.domain.model import ProductVariantId

_SCHEMA = """
CREATE TABLE IF NOT EXISTS opening (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    variant_id TEXT NOT NULL,
    key TEXT NOT NULL,
    opened_at TEXT NOT NULL
)
"""


@attrs.frozen
class Opening:
    """A record that was opened."""

    variant_id: ProductVariantId
    key: UUID
    """The idempotency key that opened it."""
    opened_at: datetime


class Ledger(Store):
    """A `Store` in which every distinct key opens a record; the same key opens one record.

    A read shows the variant's last record. A repeated key that the store did not remember opens
    another record.
    """

    _one_record_a_variant = False

    def open(self) -> None:
        """See `Store.open`."""
        super().open()
        self._open.execute(_SCHEMA)

    def seed(self, records: Iterable[SeedRecord], *, wipe: bool = False) -> None:
        """See `Store.seed`."""
        super().seed(records, wipe=wipe)
        if wipe:
            self._open.execute("DELETE FROM opening")

    def openings(self) -> list[Opening]:
        """Every record that a key opened, oldest first; seeded and set records are not included."""
        rows = self._open.execute("SELECT variant_id, key, opened_at FROM opening ORDER BY number")
        return [
            Opening(ProductVariantId(variant), UUID(key), datetime.fromisoformat(at))
            for variant, key, at in rows
        ]

    def _note_opening(self, key: UUID, item: InventoryItemBody) -> None:
        self._open.execute(
            "INSERT INTO opening (variant_id, key, opened_at) VALUES (?, ?, ?)",
            (str(item.variant_id), str(key), item.updated_at.isoformat()),
        )
