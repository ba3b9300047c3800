"""The transactional outbox: enqueue functions for each database driver, and the queue."""

from shelfport.adapters.queue.enqueue import (
    AsyncpgConnection,
    DjangoConnection,
    enqueue_asyncpg,
    enqueue_django,
    enqueue_psycopg,
    enqueue_psycopg_async,
    enqueue_sqlalchemy,
    enqueue_sqlalchemy_async,
    enqueue_sqlite3,
    enqueue_statement,
)
from shelfport.adapters.queue.memory import InMemoryQueue
from shelfport.domain.model import (
    Claim,
    DeadLetter,
    DeadLetterReason,
    QueuedInitialization,
    QueueStats,
)
from shelfport.domain.services.queue_policy import QueuePolicy
from shelfport.ports import InitializationQueue

__all__ = [
    "AsyncpgConnection",
    "Claim",
    "DeadLetter",
    "DeadLetterReason",
    "DjangoConnection",
    "InMemoryQueue",
    "InitializationQueue",
    "QueuePolicy",
    "QueueStats",
    "QueuedInitialization",
    "enqueue_asyncpg",
    "enqueue_django",
    "enqueue_psycopg",
    "enqueue_psycopg_async",
    "enqueue_sqlalchemy",
    "enqueue_sqlalchemy_async",
    "enqueue_sqlite3",
    "enqueue_statement",
]
