"""Wakes the worker when another process stores an entry: PostgreSQL's LISTEN and NOTIFY.

Nothing depends on it: a worker polls anyway. Behind a connection pooler that drops notifications,
an entry waits for the next poll.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from shelfport.adapters.queue.sql.database import Database
from shelfport.domain.services.backoff import Backoff

logger = logging.getLogger("shelfport.queue")

_CHECK_INTERVAL = 15.0
"""Seconds without a notification after which the connection is checked."""
_BACKOFF = Backoff(base_delay=0.1, max_delay=10.0)


async def listen(database: Database, wake: Callable[[], None]) -> None:
    """Call `wake` for every notification, until cancelled; reconnect after a failure."""
    errors: tuple[type[Exception], ...] = (SQLAlchemyError, OSError, *database.errors)
    failures = 0
    while True:
        listening = asyncio.Event()
        try:
            await _until_disconnected(database, wake, listening)
        except errors as error:
            if listening.is_set():
                failures = 0
            if failures == 0:
                logger.info(
                    "not receiving notifications of the queue in %s (it is polled anyway): %s",
                    database.place,
                    error,
                    extra={"event": "inventory.queue_notifications", "place": database.place},
                )
        failures += 1
        await asyncio.sleep(_BACKOFF.delay(failures, random.uniform(0.5, 1.0)))  # noqa: S311 - no secret


async def _until_disconnected(
    database: Database, wake: Callable[[], None], listening: asyncio.Event
) -> None:
    """Listen on a connection of its own, so that no statement of the queue waits for it.

    Raises:
        Exception: one of the database's errors, when the connection is lost.
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
                listening.set()
                wake()  # for entries that were stored before this connection listened
                while not gone.is_set():
                    try:
                        async with asyncio.timeout(_CHECK_INTERVAL):
                            await gone.wait()
                    except TimeoutError:
                        await raw.execute("SELECT 1")
            finally:
                # Not back into a pool: it still listens.
                await connection.invalidate()
    finally:
        await engine.dispose()
    raise ConnectionError("the server closed the connection")
