"""Transactional enqueue: one INSERT on the host's own connection, in the host's own transaction.

The product and its entry commit or vanish together (the pattern is the transactional outbox), so
no crash leaves a product behind that nobody opens a record for, nor an entry without a product.
One function a driver, and `enqueue_statement` for any other. None of them commits, and none
imports a driver: it uses the connection that it is given.

The queue's table must be in that database: `queue_url` names it, and the search path of a
PostgreSQL connection finds it. An entry that is stored already under the same idempotency key is
left alone, so a host that repeats its transaction repeats this too; then the answer is False.

On PostgreSQL the commit wakes the workers of every process: a trigger announces it. On SQLite a
worker finds the entry at its next look; `wake_worker` of the `InventoryIntegration`, called after
the commit, has the one of this process look at once.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, Protocol, overload

from shelfport.adapters.queue.sql.row import COLUMNS, TABLE, insert_sql, to_row
from shelfport.domain.model import QueuedInitialization

if TYPE_CHECKING:
    import sqlite3

    import psycopg
    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
    from sqlalchemy.orm import Session, scoped_session

Value = str | int | None
PositionalStyle = Literal["qmark", "numeric", "format", "numeric_dollar"]
NamedStyle = Literal["named", "pyformat"]

_POSITIONAL: Mapping[str, str] = {
    "qmark": "?",
    "numeric": ":{number}",
    "format": "%s",
    "numeric_dollar": "${number}",
}
_NAMED: Mapping[str, str] = {"named": ":{column}", "pyformat": "%({column})s"}


class AsyncpgConnection(Protocol):
    """What is used of an `asyncpg.Connection`, or of one from a pool: asyncpg has no types."""

    def is_in_transaction(self) -> bool:
        """Whether a transaction is open."""
        ...

    async def execute(self, query: str, *args: Any) -> str:
        """Run a statement; its status, such as "INSERT 0 1"."""
        ...


class DjangoConnection(Protocol):
    """What is used of a `django.db.connection`: Django has no types."""

    @property
    def in_atomic_block(self) -> bool:
        """Whether `transaction.atomic` is open."""
        ...

    def get_autocommit(self) -> bool:
        """Whether each statement is a transaction of its own."""
        ...

    def cursor(self) -> Any:
        """A cursor, which is a context manager."""
        ...


@overload
def enqueue_statement(
    entry: QueuedInitialization, paramstyle: PositionalStyle
) -> tuple[str, Sequence[Value]]: ...
@overload
def enqueue_statement(
    entry: QueuedInitialization, paramstyle: NamedStyle
) -> tuple[str, Mapping[str, Value]]: ...
def enqueue_statement(
    entry: QueuedInitialization, paramstyle: PositionalStyle | NamedStyle
) -> tuple[str, Sequence[Value] | Mapping[str, Value]]:
    """The INSERT that stores `entry`, and its parameters, for a driver that has no function here.

    Args:
        entry: what is to be stored.
        paramstyle: how the driver marks parameters, in PEP 249's words: its `paramstyle`; or
            "numeric_dollar" for `$1, $2, …`.

    Raises:
        ValueError: there is no such style.
    """
    row = to_row(entry)
    if paramstyle in _POSITIONAL:
        mark = _POSITIONAL[paramstyle]
        marks = (mark.format(number=number) for number, _ in enumerate(COLUMNS, 1))
        return insert_sql(*marks), tuple(row.values())
    if paramstyle in _NAMED:
        mark = _NAMED[paramstyle]
        return insert_sql(*(mark.format(column=column) for column in COLUMNS)), row
    raise ValueError(
        f"paramstyle is {paramstyle!r}: it must be one of {', '.join((*_POSITIONAL, *_NAMED))}"
    )


def enqueue_sqlite3(connection: "sqlite3.Connection", entry: QueuedInitialization) -> bool:
    """Store `entry` through the standard library's `sqlite3`.

    Raises:
        RuntimeError: the connection commits each statement by itself, and no transaction is open.
    """
    by_itself = connection.isolation_level is None or getattr(connection, "autocommit", -1) is True
    _refuse_autocommit(by_itself and not connection.in_transaction)
    with _advised():
        cursor = connection.execute(*enqueue_statement(entry, "qmark"))
    return cursor.rowcount == 1


def enqueue_sqlalchemy(
    session: "Connection | Session | scoped_session[Any]", entry: QueuedInitialization
) -> bool:
    """Store `entry` through SQLAlchemy: a `Session`, or a `Connection`.

    Raises:
        RuntimeError: the connection has the isolation level AUTOCOMMIT.
    """
    # Not above: hosts without SQLAlchemy import this module, too.
    from sqlalchemy import Connection, text  # noqa: PLC0415 - the host's own

    connection = session if isinstance(session, Connection) else session.connection()
    options = connection.get_execution_options()
    _refuse_autocommit(options.get("isolation_level") == "AUTOCOMMIT")
    statement, parameters = enqueue_statement(entry, "named")
    with _advised():
        return connection.execute(text(statement), dict(parameters)).rowcount == 1


async def enqueue_sqlalchemy_async(
    session: "AsyncConnection | AsyncSession", entry: QueuedInitialization
) -> bool:
    """As `enqueue_sqlalchemy`, for an `AsyncSession` or an `AsyncConnection`."""
    return await session.run_sync(enqueue_sqlalchemy, entry)


async def enqueue_asyncpg(connection: AsyncpgConnection, entry: QueuedInitialization) -> bool:
    """Store `entry` through asyncpg, inside `async with connection.transaction()`.

    Raises:
        RuntimeError: no transaction is open.
    """
    _refuse_autocommit(not connection.is_in_transaction())
    statement, parameters = enqueue_statement(entry, "numeric_dollar")
    with _advised():
        return await connection.execute(statement, *parameters) == "INSERT 0 1"


def enqueue_psycopg(connection: "psycopg.Connection[Any]", entry: QueuedInitialization) -> bool:
    """Store `entry` through psycopg 3.

    Raises:
        RuntimeError: the connection is in autocommit mode, and no transaction is open.
    """
    _refuse_autocommit(_psycopg_commits_by_itself(connection))
    statement, parameters = enqueue_statement(entry, "format")
    with _advised():
        return connection.execute(statement.encode(), parameters).rowcount == 1


async def enqueue_psycopg_async(
    connection: "psycopg.AsyncConnection[Any]", entry: QueuedInitialization
) -> bool:
    """As `enqueue_psycopg`, for an `AsyncConnection`."""
    _refuse_autocommit(_psycopg_commits_by_itself(connection))
    statement, parameters = enqueue_statement(entry, "format")
    with _advised():
        return (await connection.execute(statement.encode(), parameters)).rowcount == 1


def enqueue_django(connection: DjangoConnection, entry: QueuedInitialization) -> bool:
    """Store `entry` through Django's `connection` (or `connections[alias]`), inside `atomic`.

    Raises:
        RuntimeError: neither is `transaction.atomic` open nor autocommit switched off.
    """
    _refuse_autocommit(connection.get_autocommit() and not connection.in_atomic_block)
    statement, parameters = enqueue_statement(entry, "format")
    with _advised(), connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return bool(cursor.rowcount == 1)


def _psycopg_commits_by_itself(
    connection: "psycopg.Connection[Any] | psycopg.AsyncConnection[Any]",
) -> bool:
    return connection.autocommit and connection.info.transaction_status.name == "IDLE"


def _refuse_autocommit(alone: bool) -> None:
    if alone:
        raise RuntimeError(
            "no transaction is open on this connection: the entry would be stored by itself, and "
            "stay if the product does not; begin a transaction, create the product in it, and "
            "enqueue then"
        )


@contextmanager
def _advised() -> Iterator[None]:
    """The driver's own error passes, so that the host's handling of it works; with advice."""
    try:
        yield
    except Exception as error:
        if TABLE in str(error):
            error.add_note(
                f"shelfport stores entries in the table {TABLE}, which must be in this database: "
                "`shelfport queue migrate` makes it"
            )
        raise
