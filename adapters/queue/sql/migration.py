"""Brings the queue's tables to the version that this edition works with."""

from collections.abc import Sequence

import attrs
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shelfport.adapters.queue.sql.database import Database
from shelfport.adapters.queue.sql.schema import (
    CREATE_VERSIONS_TABLE,
    VERSIONS_TABLE,
    SchemaDiffers,
    Step,
)


@attrs.frozen
class Migrated:
    """The version that was found, and the version now; 0 is a database without the tables."""

    before: int
    after: int


async def version_of(connection: AsyncConnection, database: Database) -> int:
    """The version that the tables have; 0 if there are none."""
    there = await connection.execute(text(database.has_table), {"name": VERSIONS_TABLE})
    if there.first() is None:
        return 0
    row = (await connection.execute(text(f"SELECT version FROM {VERSIONS_TABLE}"))).first()  # noqa: S608  # our own name
    return 0 if row is None else int(row[0])


async def migrate(
    connection: AsyncConnection,
    database: Database,
    *,
    allowed: bool = True,
    steps: Sequence[Step] | None = None,
) -> Migrated:
    """Create or upgrade the tables, all steps or none; tables of this version are left alone.

    Several processes may call it at once: one migrates, the others find the tables current.

    Raises:
        SchemaDiffers: the tables are of a later edition, or migrating is not allowed.
    """
    steps = database.steps if steps is None else steps
    known = len(steps)
    before = await version_of(connection, database)
    if before == known:
        return Migrated(before, before)
    _refuse(before, known, database, allowed=allowed)
    await connection.execute(text(database.begin))
    try:
        if database.lock is not None:
            await connection.execute(text(database.lock))
        before = await version_of(connection, database)
        _refuse(before, known, database, allowed=allowed)
        for step in steps[before:]:
            for statement in step:
                await connection.execute(text(statement))
        await connection.execute(text(CREATE_VERSIONS_TABLE))
        await connection.execute(text(f"DELETE FROM {VERSIONS_TABLE}"))  # noqa: S608  # our own name
        await connection.execute(
            text(f"INSERT INTO {VERSIONS_TABLE} (version) VALUES (:version)"),  # noqa: S608  # our own name
            {"version": known},
        )
        await connection.execute(text("COMMIT"))
    except BaseException:
        await connection.execute(text("ROLLBACK"))
        raise
    return Migrated(before, known)


def _refuse(found: int, known: int, database: Database, *, allowed: bool) -> None:
    if found > known:
        raise SchemaDiffers(
            f"the queue in {database.place} has schema version {found}, made by a later edition "
            f"of shelfport; this one works with version {known}: upgrade shelfport",
            found=found,
            known=known,
        )
    if found < known and not allowed:
        state = f"has schema version {found}" if found else "has no tables yet"
        raise SchemaDiffers(
            f"the queue in {database.place} {state}, and this edition works with version {known}: "
            "run `shelfport queue migrate`, or set queue.create_schema to migrate at the "
            "start",
            found=found,
            known=known,
        )
