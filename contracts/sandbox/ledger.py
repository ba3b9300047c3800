"""`Ledger`: a store that hides nothing from whoever opens a record twice.

The contract protects a careless client: a second key for a variant meets `record-exists`, and
nobody sees that it was sent. In a ledger no key is refused. Every distinct one opens a record, the
records stand below each other and are never overwritten, and so a second record of a variant is
there to be counted: the gate for "exactly one, whatever failed in between" (R21).
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
    """A `Store` in which every distinct key opens a record; the same key opens one, as ever.

    A read shows the variant's last record. What was opened by a key that was not remembered, and
    comes again under that key, is opened again.
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
        """Every record that was opened, oldest first; what was seeded or set is none."""
        rows = self._open.execute("SELECT variant_id, key, opened_at FROM opening ORDER BY number")
        return [
            Opening(ProductVariantId(UUID(variant)), UUID(key), datetime.fromisoformat(at))
            for variant, key, at in rows
        ]

    def _note_opening(self, key: UUID, item: InventoryItemBody) -> None:
        self._open.execute(
            "INSERT INTO opening (variant_id, key, opened_at) VALUES (?, ?, ?)",
            (str(item.variant_id), str(key), item.updated_at.isoformat()),
        )
