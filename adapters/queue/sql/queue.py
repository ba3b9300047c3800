"""`SqlQueue`: the durable queue, in SQLite or PostgreSQL."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextvars import copy_context
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import UUID

from sqlalchemy import CursorResult, Executable, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shelfport.adapters.queue.sql import statements
from shelfport.adapters.queue.sql.database import Database
from shelfport.adapters.queue.sql.migration import Migrated, migrate
from shelfport.adapters.queue.sql.notifications import listen
from shelfport.adapters.queue.sql.row import from_micros, from_row, insert_sql, to_row
from shelfport.adapters.queue.sql.schema import SchemaDiffers
from shelfport.adapters.runtime.background import Background
from shelfport.adapters.runtime.wake import Wake
from shelfport.domain.model import (
    Claim,
    DeadLetterReason,
    InitializationPolicy,
    QueuedInitialization,
    QueueFailed,
    QueueStats,
)

T = TypeVar("T")

logger = logging.getLogger("shelfport.queue")


class SqlQueue:
    """An `InitializationQueue` in a table; each operation is one statement, and so one transaction.

    A statement that was sent runs to its end, even if its caller is cancelled: so a cancelled
    caller changes all or nothing, and the connection stays usable.

    A database that is away when the queue is entered keeps nothing else from opening: entering logs
    a WARNING, each operation raises `QueueFailed` meanwhile, and the first one that reaches the
    database checks the schema. What only a person can correct is raised at once: a wrong address,
    missing rights, or the schema of another edition.

    Args:
        database: where; see `shelfport.adapters.queue.sql.database.database`.
        create_schema: whether entering may create the tables, or upgrade them.
    """

    def __init__(self, database: Database, *, create_schema: bool = True) -> None:
        self._database = database
        self._create_schema = create_schema
        self.migrated: Migrated | None = None
        """The schema version that was found, and the version now; None until the database is
        reached for the first time since entering."""
        self._engine: AsyncEngine | None = None
        self._statements = Background()
        self._listening = Background()
        self._wake = Wake()

    def __repr__(self) -> str:
        return f"SqlQueue({self._database.place})"

    async def __aenter__(self) -> Self:
        if self._engine is not None:
            raise RuntimeError("this queue is open already: enter it once")
        self._engine, self.migrated = self._database.engine(), None
        await self._statements.__aenter__()
        await self._listening.__aenter__()
        try:
            await self._on_a_connection(self._check_schema)
        except QueueFailed as failure:
            if not self._may_pass(failure):
                await self._close()
                raise
            logger.warning(
                "%s; nothing is queued until it is back, which needs no restart",
                failure,
                extra={"event": "inventory.queue_away", "place": self._database.place},
            )
        except BaseException:
            await self._close()
            raise
        return self

    async def _check_schema(self, connection: AsyncConnection) -> None:
        """Bring the schema to this edition's version, once while the queue is open.

        Operations that reach the database at the same time may each do it: `migrate` allows that.
        """
        if self.migrated is None:
            self.migrated = await migrate(connection, self._database, allowed=self._create_schema)

    def _may_pass(self, failure: QueueFailed) -> bool:
        """Whether the queue may become usable without a person who changes something."""
        cause = failure.__cause__
        if isinstance(failure, SchemaDiffers) or cause is None:
            return False
        return not self._database.needs_correction(cause)

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._close()

    async def _close(self) -> None:
        engine, self._engine = self._engine, None
        await self._listening.__aexit__(None, None, None)
        await self._statements.drain()
        await self._statements.__aexit__(None, None, None)
        if engine is not None:
            await engine.dispose()

    async def add(self, entry: QueuedInitialization) -> bool:
        """See `InitializationQueue.add`."""
        added = await self._changes(text(insert_sql()), to_row(entry))
        self.wake()
        return added

    async def claim(
        self,
        *,
        holder: str,
        limit: int,
        now: datetime,
        lease: float,
        skip: InitializationPolicy | None = None,
    ) -> Sequence[Claim]:
        """See `InitializationQueue.claim`."""
        claim = statements.claim(holder=holder, limit=limit, now=now, lease=lease, skip=skip)

        async def on(connection: AsyncConnection) -> Sequence[Any]:
            await connection.execute(statements.undo_clock_step(now))
            return (await connection.execute(claim)).mappings().all()

        rows = await self._on_a_connection(on)
        return [Claim(from_row(row), row["token"]) for row in rows]

    async def renew(self, claim: Claim, *, now: datetime, lease: float) -> bool:
        """See `InitializationQueue.renew`."""
        return await self._changes(statements.renew(claim, now=now, lease=lease))

    async def note_marked(self, claim: Claim) -> bool | None:
        """See `InitializationQueue.note_marked`."""
        row = await self._one(statements.note_marked(claim))
        return None if row is None else bool(row["token"] == claim.token)

    async def complete(self, claim: Claim) -> bool:
        """See `InitializationQueue.complete`."""
        return await self._changes(statements.complete(claim))

    async def retry_later(
        self, claim: Claim, *, due_at: datetime, error: str, answered: bool = False
    ) -> bool:
        """See `InitializationQueue.retry_later`."""
        return await self._changes(
            statements.retry_later(claim, due_at=due_at, error=error, answered=answered)
        )

    async def give_back(self, claim: Claim, *, now: datetime) -> bool:
        """See `InitializationQueue.give_back`."""
        return await self._changes(statements.give_back(claim, now=now))

    async def dead_letter(
        self, claim: Claim, *, now: datetime, reason: DeadLetterReason, error: str
    ) -> bool:
        """See `InitializationQueue.dead_letter`."""
        return await self._changes(
            statements.dead_letter(claim, now=now, reason=reason, error=error)
        )

    async def stats(self) -> QueueStats:
        """See `InitializationQueue.stats`."""
        row = await self._one(statements.stats())
        oldest = None if row["oldest"] is None else from_micros(row["oldest"])
        return QueueStats(waiting=row["waiting"], oldest=oldest, dead_letters=row["dead"])

    async def entries(
        self, *, dead: bool | None = None, limit: int = 100
    ) -> Sequence[QueuedInitialization]:
        """See `InitializationQueue.entries`."""
        rows = await self._on_a_connection(
            lambda connection: _rows(connection, statements.listed(dead=dead, limit=limit))
        )
        return [from_row(row) for row in rows]

    async def find(self, key: UUID) -> QueuedInitialization | None:
        """See `InitializationQueue.find`."""
        row = await self._one(statements.found(key))
        return None if row is None else from_row(row)

    async def retry(self, key: UUID, *, now: datetime) -> bool:
        """See `InitializationQueue.retry`."""
        found = await self._changes(statements.retry(key, now=now))
        self.wake()
        return found

    async def drop(self, key: UUID) -> bool:
        """See `InitializationQueue.drop`."""
        return await self._changes(statements.drop(key))

    def wake(self) -> None:
        """See `InitializationQueue.wake`."""
        self._wake.wake()

    async def wait(self, seconds: float) -> None:
        """See `InitializationQueue.wait`.

        The first wait opens a connection that listens for entries of other processes, where the
        database notifies.
        """
        if self._database.channel is not None and self._engine is not None and not self._listening:
            self._listening.start(listen(self._database, self.wake), "queue notifications")
        await self._wake.wait(seconds)

    async def _changes(self, statement: Executable, row: dict[str, Any] | None = None) -> bool:
        """Whether `statement` changed a row."""

        async def on(connection: AsyncConnection) -> bool:
            result: CursorResult[Any] = await connection.execute(statement, row)
            return result.rowcount > 0

        return await self._on_a_connection(on)

    async def _one(self, statement: Executable) -> Any:
        rows = await self._on_a_connection(lambda connection: _rows(connection, statement))
        return rows[0] if rows else None

    async def _on_a_connection(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Run `work` to its end.

        Raises:
            QueueFailed: the database failed, or did not say whether it did the work.
        """
        engine = self._engine
        if engine is None:
            raise RuntimeError("this queue is not open: use it inside `async with`")
        task = self._statements.start(self._run(engine, work), "queue statement", copy_context())
        result = await asyncio.shield(task)
        if isinstance(result, QueueFailed):
            raise result
        return result

    async def _run(
        self, engine: AsyncEngine, work: Callable[[AsyncConnection], Awaitable[T]]
    ) -> T | QueueFailed:
        """The result of `work`; a failure is returned, as the caller may have been cancelled."""
        database = self._database
        errors: tuple[type[Exception], ...] = (SQLAlchemyError, OSError, *database.errors)
        try:
            async with engine.connect() as connection:
                await self._check_schema(connection)
                return await work(connection)
        except QueueFailed as failure:
            return failure
        except errors as error:
            failed = QueueFailed(f"the queue in {database.place} {database.meaning(error)}")
            failed.__cause__ = error
            return failed


async def _rows(connection: AsyncConnection, statement: Executable) -> Sequence[Any]:
    return (await connection.execute(statement)).mappings().all()
