"""The schema of the queue's tables, as a list of steps: each step makes the next version.

Each database has its own list, and so its own versions; the tables are the same. A released step
is never changed; each change of the schema is a new step.
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
"""The channel on which PostgreSQL notifies the workers of new entries."""

_NOTIFIED: Step = (
    # A trigger notifies for the INSERT of every driver, when its transaction commits. Of updates,
    # it notifies for those of dead_at only: a dead letter may be due again.
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

# Ids are text now, of any format: the rows of the former edition, whose ids are UUIDs, stay.
_HOST_IDS: Step = (f"ALTER TABLE {TABLE} ADD COLUMN host_id TEXT",)

# What was counted as attempts were claims of every outcome: of an entry that waits, none is known
# to be an answer of the service.
_TRIES: Step = (
    f"ALTER TABLE {TABLE} ADD COLUMN tries BIGINT NOT NULL DEFAULT 0",
    f"ALTER TABLE {TABLE} ADD COLUMN claims BIGINT NOT NULL DEFAULT 0",
    f"UPDATE {TABLE} SET tries = attempts, claims = CASE WHEN holder IS NULL THEN 0 ELSE 1 END",  # noqa: S608  # our own name
    f"UPDATE {TABLE} SET attempts = 0 WHERE dead_at IS NULL",  # noqa: S608  # our own name
)

SQLITE_STEPS: Sequence[Step] = (_TABLES, _HOST_IDS, _TRIES)
POSTGRES_STEPS: Sequence[Step] = (_TABLES, _NOTIFIED, _HOST_IDS, _TRIES)
"""Step n (from 1) makes version n from version n - 1; this edition's version is their number."""

CREATE_VERSIONS_TABLE = f"CREATE TABLE IF NOT EXISTS {VERSIONS_TABLE} (version BIGINT NOT NULL)"


class SchemaDiffers(QueueFailed):
    """The tables have another version than this edition works with; they were not changed.

    Cause: shelfport was upgraded and its tables were not, or it is older than the tables.

    What to do: run `shelfport queue migrate` once, with the newer edition; where the tables are
    newer, install that edition of shelfport. No entry is lost.
    """

    def __init__(self, message: str, *, found: int, known: int) -> None:
        super().__init__(message)
        self.found = found
        """The version of the tables; 0 if there are none."""
        self.known = known

    @property
    def older(self) -> bool:
        """Whether this edition can upgrade the tables."""
        return self.found < self.known
