"""Hears what other processes store, where the database announces it: PostgreSQL's LISTEN.

Nothing depends on it. Whoever is woken looks into the queue, and would have looked a little later
anyway; a pooler in between that passes no announcements on costs that little, and no entry.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from shelfport.adapters.queue.sql.database import Database

logger = logging.getLogger("shelfport.queue")

_SILENCE = 15.0
"""Seconds without a word after which the server is asked whether it is still there."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 10.0
"""Seconds between two attempts to hear again; doubled each time, and jittered."""


async def hear(database: Database, wake: Callable[[], None]) -> None:
    """Call `wake` for every announcement, for ever; connect anew when that was cut off."""
    errors: tuple[type[Exception], ...] = (SQLAlchemyError, OSError, *database.errors)
    failures = 0
    while True:
        heard = asyncio.Event()
        try:
            await _until_cut_off(database, wake, heard)
        except errors as error:
            if heard.is_set():
                failures = 0
            if failures == 0:
                logger.info(
                    "announcements of the queue in %s are not heard (it is polled all the same): "
                    "%s",
                    database.place,
                    error,
                    extra={"event": "inventory.queue_notifications", "place": database.place},
                )
        bound = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(failures, 30))
        failures += 1
        await asyncio.sleep(random.uniform(bound / 2, bound))  # noqa: S311 - no secret


async def _until_cut_off(
    database: Database, wake: Callable[[], None], heard: asyncio.Event
) -> None:
    """Hear on a connection of its own, which no statement of the queue has to wait for.

    Raises:
        Exception: one of the database's errors, once there is nothing to be heard.
    """
    gone = asyncio.Event()
    engine = database.engine()
    try:
        async with engine.connect() as connection:
            try:
                # A connection of asyncpg, which has no types.
                raw: Any = (await connection.get_raw_connection()).driver_connection
                raw.add_termination_listener(lambda *_: gone.set())
                await raw.add_listener(database.channel, lambda *_: wake())
                heard.set()
                wake()  # for what was announced while nobody heard
                while not gone.is_set():
                    try:
                        async with asyncio.timeout(_SILENCE):
                            await gone.wait()
                    except TimeoutError:
                        await raw.execute("SELECT 1")
            finally:
                # Never back into a pool: it still listens.
                await connection.invalidate()
    finally:
        await engine.dispose()
    raise ConnectionError("the server closed the connection")
