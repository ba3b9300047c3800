"""Transactional enqueue: one INSERT on the host's own connection, in the host's own transaction.

The product and its entry are committed or rolled back together (a transactional outbox), so no
crash leaves a product without an entry, nor an entry without a product. There is one function for
each driver, and `enqueue_statement` for any other. None of them commits, and none imports a driver:
it uses the connection that it is given.

The queue's table must be in that database: `queue.url` names the database, and the search path of
a PostgreSQL connection must include the table's schema. If an entry has the same idempotency key,
it stays as it is and the function returns False: a host may repeat its transaction.

With PostgreSQL the commit wakes the workers of all processes, by a trigger that notifies them. With
SQLite a worker finds the entry at its next poll; `InventoryIntegration.wake_worker`, called after
the commit, wakes the worker of this process.
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
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, async_scoped_session
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
    """The part of an `asyncpg.Connection` that is used; asyncpg has no types."""

    def is_in_transaction(self) -> bool:
        """Whether a transaction is open."""
        ...

    async def execute(self, query: str, *args: Any) -> str:
        """Run a statement; its status, such as "INSERT 0 1"."""
        ...


class DjangoConnection(Protocol):
    """The part of a `django.db.connection` that is used; Django has no types."""

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
        entry: the entry to store.
        paramstyle: how the driver marks parameters, as PEP 249 names it (`paramstyle`); or
            "numeric_dollar" for `$1, $2, …`.

    Raises:
        ValueError: there is no such style.
    """
    row = to_row(entry)
    if paramstyle in _POSITIONAL:
        template = _POSITIONAL[paramstyle]
        placeholders = (template.format(number=number) for number, _ in enumerate(COLUMNS, 1))
        return insert_sql(*placeholders), tuple(row.values())
    if paramstyle in _NAMED:
        template = _NAMED[paramstyle]
        return insert_sql(*(template.format(column=column) for column in COLUMNS)), row
    raise ValueError(
        f"paramstyle is {paramstyle!r}: it must be one of {', '.join((*_POSITIONAL, *_NAMED))}"
    )


def enqueue_sqlite3(connection: "sqlite3.Connection", entry: QueuedInitialization) -> bool:
    """Store `entry` through the standard library's `sqlite3`.

    Raises:
        RuntimeError: the connection is in autocommit mode, and no transaction is open.
    """
    autocommit = connection.isolation_level is None or getattr(connection, "autocommit", -1) is True
    _refuse_autocommit(autocommit and not connection.in_transaction)
    with _advice():
        cursor = connection.execute(*enqueue_statement(entry, "qmark"))
    return cursor.rowcount == 1


def enqueue_sqlalchemy(
    session: "Connection | Session | scoped_session[Any]", entry: QueuedInitialization
) -> bool:
    """Store `entry` through SQLAlchemy: a `Session`, or a `Connection`.

    Raises:
        RuntimeError: the connection has the isolation level AUTOCOMMIT.
        ValueError: it is an `AsyncSession` or an `AsyncConnection`.
    """
    if _is_asynchronous(session):
        raise ValueError(
            f"session is an {type(session).__name__}, which is asynchronous: "
            "use `await enqueue_sqlalchemy_async(session, entry)`"
        )
    # Not at the top: hosts without SQLAlchemy import this module.
    from sqlalchemy import Connection, text  # noqa: PLC0415 - the host's own

    connection = session if isinstance(session, Connection) else session.connection()
    options = connection.get_execution_options()
    _refuse_autocommit(options.get("isolation_level") == "AUTOCOMMIT")
    statement, parameters = enqueue_statement(entry, "named")
    with _advice():
        return connection.execute(text(statement), dict(parameters)).rowcount == 1


async def enqueue_sqlalchemy_async(
    session: "AsyncConnection | AsyncSession | async_scoped_session[Any]",
    entry: QueuedInitialization,
) -> bool:
    """As `enqueue_sqlalchemy`, for an `AsyncSession` or an `AsyncConnection`.

    Raises:
        RuntimeError: the connection has the isolation level AUTOCOMMIT.
        ValueError: it is a `Session` or a `Connection`.
    """
    if not _is_asynchronous(session):
        raise ValueError(
            f"session is a {type(session).__name__}, which is synchronous: "
            "use `enqueue_sqlalchemy(session, entry)`"
        )
    # An `async_scoped_session` has no `run_sync`.
    able = session if hasattr(session, "run_sync") else await session.connection()
    return await able.run_sync(enqueue_sqlalchemy, entry)


async def enqueue_asyncpg(connection: AsyncpgConnection, entry: QueuedInitialization) -> bool:
    """Store `entry` through asyncpg, inside `async with connection.transaction()`.

    Raises:
        RuntimeError: no transaction is open.
    """
    _refuse_autocommit(not connection.is_in_transaction())
    statement, parameters = enqueue_statement(entry, "numeric_dollar")
    with _advice():
        return await connection.execute(statement, *parameters) == "INSERT 0 1"


def enqueue_psycopg(connection: "psycopg.Connection[Any]", entry: QueuedInitialization) -> bool:
    """Store `entry` through psycopg 3.

    Raises:
        RuntimeError: the connection is in autocommit mode, and no transaction is open.
    """
    _refuse_autocommit(_psycopg_autocommits(connection))
    statement, parameters = enqueue_statement(entry, "format")
    with _advice():
        return connection.execute(statement.encode(), parameters).rowcount == 1


async def enqueue_psycopg_async(
    connection: "psycopg.AsyncConnection[Any]", entry: QueuedInitialization
) -> bool:
    """As `enqueue_psycopg`, for an `AsyncConnection`."""
    _refuse_autocommit(_psycopg_autocommits(connection))
    statement, parameters = enqueue_statement(entry, "format")
    with _advice():
        return (await connection.execute(statement.encode(), parameters)).rowcount == 1


def enqueue_django(connection: DjangoConnection, entry: QueuedInitialization) -> bool:
    """Store `entry` through Django's `connection` (or `connections[alias]`), inside `atomic`.

    Raises:
        RuntimeError: neither is `transaction.atomic` open nor autocommit switched off.
    """
    _refuse_autocommit(connection.get_autocommit() and not connection.in_atomic_block)
    statement, parameters = enqueue_statement(entry, "format")
    with _advice(), connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return bool(cursor.rowcount == 1)


def _is_asynchronous(session: object) -> bool:
    """Whether it is one of SQLAlchemy's asynchronous classes, which a host may extend.

    By a method of theirs: importing them costs a synchronous host its time.
    """
    return hasattr(session, "aclose")


def _psycopg_autocommits(
    connection: "psycopg.Connection[Any] | psycopg.AsyncConnection[Any]",
) -> bool:
    return connection.autocommit and connection.info.transaction_status.name == "IDLE"


def _refuse_autocommit(autocommits: bool) -> None:
    if autocommits:
        raise RuntimeError(
            "no transaction is open on this connection: the entry would be committed alone, and "
            "would stay if the product is rolled back; begin a transaction, create the product in "
            "it, and enqueue then"
        )


@contextmanager
def _advice() -> Iterator[None]:
    """Let the driver's error pass, with a note on what to do, if it is about the queue's table."""
    try:
        yield
    except Exception as error:
        if TABLE in str(error):
            error.add_note(
                f"shelfport stores entries in the table {TABLE}, which must be in this database: "
                "`shelfport queue migrate` creates or upgrades it"
            )
        raise
