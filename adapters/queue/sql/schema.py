"""The queue's tables, as a list of steps: version 1, and from each version to the next.

Each database has its own list, and so its own versions; the tables are the same. A step that was
released is never changed again; what must change becomes a step of its own.
"""

from collections.abc import Sequence

from shelfport.adapters.queue.sql.row import TABLE
from shelfport.domain.model import QueueFailed

VERSIONS_TABLE = "shelfport_schema"
"""One row: the version that the tables have."""

Step = Sequence[str]

_TABLES: Step = (
    f"""
    CREATE TABLE {TABLE} (
        idempotency_key TEXT PRIMARY KEY,
        variant_id TEXT NOT NULL,
        initial_quantity BIGINT NOT NULL,
        low_stock_threshold BIGINT NOT NULL,
        policy TEXT NOT NULL,
        queued_at BIGINT NOT NULL,
        due_at BIGINT NOT NULL,
        correlation_id TEXT,
        traceparent TEXT,
        attempts BIGINT NOT NULL DEFAULT 0,
        last_error TEXT,
        entry_version BIGINT NOT NULL,
        token BIGINT NOT NULL DEFAULT 0,
        holder TEXT,
        marked BOOLEAN NOT NULL DEFAULT FALSE,
        dead_at BIGINT,
        dead_reason TEXT
    )
    """,
    # A claim reads the beginning of this index, and no more than it claims.
    f"CREATE INDEX {TABLE}_due ON {TABLE} (due_at, queued_at) WHERE dead_at IS NULL",
    f"CREATE INDEX {TABLE}_age ON {TABLE} (queued_at) WHERE dead_at IS NULL",
    f"CREATE INDEX {TABLE}_dead ON {TABLE} (dead_at) WHERE dead_at IS NOT NULL",
    f"CREATE INDEX {TABLE}_variant ON {TABLE} (variant_id)",
)

CHANNEL = TABLE
"""Where PostgreSQL announces that there is something to do."""

_ANNOUNCED: Step = (
    # By the database itself, so that every driver's INSERT is announced: when its transaction
    # commits, and not at all if it does not. Of updates, only those by which people meddle with the
    # dead: nobody waits for what workers do.
    f"""
    CREATE FUNCTION {TABLE}_announce() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_notify('{CHANNEL}', '');
        RETURN NULL;
    END $$
    """,
    f"""
    CREATE TRIGGER {TABLE}_announce AFTER INSERT OR UPDATE OF dead_at ON {TABLE}
    FOR EACH STATEMENT EXECUTE FUNCTION {TABLE}_announce()
    """,
)

SQLITE_STEPS: Sequence[Step] = (_TABLES,)
POSTGRES_STEPS: Sequence[Step] = (_TABLES, _ANNOUNCED)
"""Step n (from 1) makes version n of version n - 1; their number is this edition's version."""

CREATE_VERSIONS_TABLE = f"CREATE TABLE IF NOT EXISTS {VERSIONS_TABLE} (version BIGINT NOT NULL)"


class SchemaDiffers(QueueFailed):
    """The tables are of another version than this edition works with, and were left as they are.

    Cause: an edition that was installed and whose tables were not upgraded, or one that is older
    than the tables.

    What to do: run `shelfport queue migrate` with the newer edition, once for the database; where
    the tables are the newer ones, install that edition. Nothing that waits is lost.
    """

    def __init__(self, message: str, *, found: int, known: int) -> None:
        super().__init__(message)
        self.found = found
        """Their version; 0 where there are none."""
        self.known = known

    @property
    def older(self) -> bool:
        """Whether this edition can upgrade them."""
        return self.found < self.known
