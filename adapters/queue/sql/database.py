"""SQLite and PostgreSQL, where they differ: addresses, engines, and the meaning of errors.

An engine is made when the queue is entered, never before, so that a fork inherits no connection. It
works in autocommit, as each statement of the queue is a transaction of its own.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from importlib.util import find_spec
from typing import Any, Protocol

import attrs
from sqlalchemy import URL, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from typed_settings import Secret

from shelfport.adapters.queue.sql.schema import CHANNEL, POSTGRES_STEPS, SQLITE_STEPS, Step
from shelfport.adapters.runtime.secret_text import as_secret

BUSY_TIMEOUT = 5.0
"""Seconds that a statement waits for another process's lock on an SQLite file."""
CONNECT_TIMEOUT = 5.0
STATEMENT_TIMEOUT = 10.0
"""Seconds that PostgreSQL may take to connect, and to answer a statement."""


class Database(Protocol):
    """What the queue needs to know about its database."""

    @property
    def begin(self) -> str:
        """Begins the transaction of a migration."""
        ...

    @property
    def lock(self) -> str | None:
        """Locks the schema until the transaction's end; None if `begin` does so."""
        ...

    @property
    def steps(self) -> Sequence[Step]:
        """The steps that create the tables, and upgrade older ones to this edition's version."""
        ...

    @property
    def channel(self) -> str | None:
        """The channel on which it notifies other processes of new entries; None if it cannot."""
        ...

    @property
    def has_table(self) -> str:
        """Selects one row if the table `:name` exists."""
        ...

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """The driver's own errors, which may come without SQLAlchemy's around them."""
        ...

    @property
    def place(self) -> str:
        """The address for people: without a password, and without options."""
        ...

    def engine(self) -> AsyncEngine:
        """A new engine. No connection is made yet."""
        ...

    def meaning(self, error: BaseException) -> str:
        """What the driver's `error` means, and what to do, after the words "the queue in PLACE"."""
        ...

    def needs_correction(self, error: BaseException) -> bool:
        """Whether `error` lasts until a person corrects the address, the rights or the file.

        False if the database may be away, locked or full for a time.
        """
        ...


def _said(error: BaseException) -> str:
    """The first line of the driver's own message."""
    original = getattr(error, "orig", None) or error
    words = str(original).splitlines()
    return words[0].rstrip(".") if words else type(original).__name__


def _meaning(error: BaseException, meanings: Mapping[str, str], otherwise: str) -> str:
    said = _said(error)
    for words, meaning in meanings.items():
        if words in said:
            return meaning
    return f"{otherwise}: {said}"


_NO_TABLES = (
    "has no tables: run `shelfport queue migrate`, or set queue.create_schema to create them"
)


@attrs.frozen
class Sqlite:
    """A file on a local disk, in WAL mode; a commit is on the disk (synchronous=FULL)."""

    url: URL
    busy_timeout: float = BUSY_TIMEOUT
    begin = "BEGIN IMMEDIATE"
    lock = None
    steps = SQLITE_STEPS
    channel = None
    has_table = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = :name"

    errors = (sqlite3.Error,)

    @property
    def place(self) -> str:
        """See `Database`."""
        return f"sqlite:///{self.url.database}"

    def engine(self) -> AsyncEngine:
        """See `Database`. One connection, as an SQLite file has one writer at a time."""
        engine = create_async_engine(
            self.url.set(drivername="sqlite+aiosqlite"),
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,
            pool_size=1,
            max_overflow=0,
            connect_args={"timeout": self.busy_timeout},
        )
        event.listen(engine.sync_engine, "do_connect", _try_to_open)
        event.listen(engine.sync_engine, "connect", _durable)
        return engine

    def meaning(self, error: BaseException) -> str:
        """See `Database`."""
        return _meaning(
            error,
            {
                "database is locked": f"stayed locked by another process for {self.busy_timeout:g} "
                "seconds: it may hold a long transaction",
                "database or disk is full": "cannot grow: the disk is full, or the database has "
                "reached its size limit; make room",
                "readonly database": "cannot be written: the file, or its folder, is read-only "
                "for this process",
                "unable to open database file": "cannot be opened: the folder must exist, and "
                "this process be allowed to write in it",
                "file is not a database": "is no SQLite database",
                "no such table": _NO_TABLES,
            },
            "failed",
        )

    def needs_correction(self, error: BaseException) -> bool:
        """See `Database`."""
        said = _said(error)
        return any(
            words in said
            for words in (
                "readonly database",
                "unable to open database file",
                "file is not a database",
            )
        )


def _try_to_open(_dialect: object, _record: object, arguments: Any, options: Any) -> None:
    """Fail early for a file that cannot be opened.

    The thread of an aiosqlite connection that failed runs on for a moment, and raises if the event
    loop is closed meanwhile.
    """
    with closing(sqlite3.connect(*arguments, **options | {"timeout": 0})) as connection:
        try:
            connection.execute("PRAGMA schema_version")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise


def _durable(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    try:
        cursor.execute("PRAGMA journal_mode=WAL")
        # NORMAL would lose the last commits when the machine loses power.
        cursor.execute("PRAGMA synchronous=FULL")
    except BaseException:
        connection.close()
        raise
    cursor.close()


@attrs.frozen
class Postgres:
    """A PostgreSQL server, from version 12 on."""

    url: URL
    begin = "BEGIN"
    lock = "SELECT pg_advisory_xact_lock(hashtext('shelfport_schema'))"
    steps = POSTGRES_STEPS
    channel = CHANNEL
    has_table = "SELECT 1 WHERE to_regclass(:name) IS NOT NULL"

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """See `Database`."""
        import asyncpg  # noqa: PLC0415  # an extra

        return asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError

    @property
    def place(self) -> str:
        """See `Database`."""
        return f"postgresql://{self.url.host or ''}:{self.url.port or 5432}/{self.url.database}"

    def engine(self) -> AsyncEngine:
        """See `Database`. A connection that broke while it was idle is replaced, not used."""
        return create_async_engine(
            self.url.set(drivername="postgresql+asyncpg"),
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,
            pool_size=4,
            max_overflow=0,
            pool_pre_ping=True,
            connect_args={
                "timeout": CONNECT_TIMEOUT,
                "command_timeout": STATEMENT_TIMEOUT,
                # No cached plans: a plan made for a short queue scans all of a long one
                # (100,000 entries: 14 ms a claim instead of 2.5).
                "prepared_statement_cache_size": 0,
            },
        )

    def meaning(self, error: BaseException) -> str:
        """See `Database`."""
        if isinstance(error, ConnectionError | TimeoutError):
            return f"cannot be reached: {_said(error)}"
        return _meaning(
            error,
            {
                'relation "shelfport': _NO_TABLES,
                "password authentication failed": "refuses the user or the password of queue.url",
                "No space left": "cannot grow: the server's disk is full",
                "read-only transaction": "cannot be written: the server is a read-only standby",
            },
            "failed",
        )

    def needs_correction(self, error: BaseException) -> bool:
        """See `Database`."""
        original = getattr(error, "orig", None) or error
        state = getattr(original, "sqlstate", None)
        return isinstance(state, str) and state.startswith(_CORRECTED_BY_A_PERSON)


_CORRECTED_BY_A_PERSON = ("28", "3D", "3F", "42")
"""Classes of SQLSTATE: a user or a password that is refused, a database or a schema that does not
exist, and missing rights."""

_NEEDS = {"sqlite": ("aiosqlite", "sqlite"), "postgresql": ("asyncpg", "postgres")}
"""The driver of each database, and the extra that installs it."""


def database(address: Secret[str] | str) -> Database:
    """The database at `address`: sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME.

    Raises:
        ValueError: the address is wrong, or its extra is not installed. The message does not quote
            the address, which may hold a password.
    """
    try:
        url = make_url(as_secret(address).get_secret_value())
    except (ArgumentError, ValueError):
        raise ValueError(f"queue.url is no URL: it must be {_SUCH_AS}") from None
    kind = "postgresql" if url.drivername == "postgres" else url.get_backend_name()
    if kind not in _NEEDS:
        raise ValueError(f"queue.url begins with {kind}: it must be {_SUCH_AS}")
    driver, extra = _NEEDS[kind]
    if find_spec(driver) is None:
        raise ValueError(
            f"queue.url begins with {kind}:, which needs the extra {extra!r}: "
            f"pip install 'shelfport[{extra}]'"
        )
    if kind == "postgresql":
        return Postgres(url)
    if url.database in {None, "", ":memory:"}:
        raise ValueError(
            "queue.url names no file: SQLite in memory is not durable; "
            "use sqlite:///PATH, or memory: for a queue in memory"
        )
    return Sqlite(url)


_SUCH_AS = (
    "sqlite:///PATH (four slashes before an absolute path), "
    "postgresql://USER:PASSWORD@HOST/NAME, or memory:"
)
