"""The environment of a row: the service, its counts, and variants to request."""

import itertools
import logging
import os
import random
from collections.abc import Iterator
from contextlib import suppress
from uuid import UUID

import aiohttp
import attrs
import msgspec

CLIENT_CORE, SERVICE_CORE = 0, 1
_URGENT = -15


def alone_on(core: int) -> None:
    """Pin this process to `core`, with high priority, if the system allows it."""
    os.sched_setaffinity(0, {core})
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, _URGENT)


class Came(msgspec.Struct):
    """The requests of one contestant, as the service counted them."""

    requests: int = 0
    ids: int = 0
    repeated: int = 0


@attrs.frozen
class Service:
    """The benchmarks' Inventory Service."""

    root: str

    def at(self, *how: str) -> str:
        """A base URL: `slow`, `moody`, or a name under which the service counts."""
        return "/".join((self.root, *how))

    async def came(self) -> dict[str, Came]:
        """The counts since the last call, by base path."""
        return msgspec.json.decode(await self._get("/came"), type=dict[str, Came])

    async def mood(self, mood: str) -> None:
        """Let requests to `moody` be answered (`answer`) or hang (`hang`)."""
        await self._get(f"/mood/{mood}")

    async def _get(self, path: str) -> bytes:
        async with aiohttp.ClientSession() as session, session.get(self.root + path) as response:
            return await response.read()


class Variants:
    """New ids; the same sequence in every process."""

    def __init__(self, seed: int = 20261124) -> None:
        self._random = random.Random(seed)

    def some(self, count: int) -> list[UUID]:
        """`count` new ids."""
        return [UUID(int=self._random.getrandbits(128) | 1) for _ in range(count)]

    def pages(self, count: int, size: int = 24) -> list[list[UUID]]:
        """`count` pages of new ids."""
        return [self.some(size) for _ in range(count)]

    def views(self, count: int, size: int, of: list[UUID]) -> list[list[UUID]]:
        """`count` pages that draw from the same ids."""
        return [self._random.sample(of, size) for _ in range(count)]


class Taker:
    """Gives pages to a contestant, each page once."""

    def __init__(self, pages: list[list[UUID]]) -> None:
        self._pages: Iterator[list[UUID]] = iter(pages)

    def take(self, count: int) -> list[list[UUID]]:
        """The next pages, which were made before the measurement."""
        return list(itertools.islice(self._pages, count))


def records(level: int) -> None:
    """Let contestants create log records from `level` on, for a handler that drops them."""
    for name in ("shelfport", "peers"):
        logger = logging.getLogger(name)
        logger.setLevel(level)
        logger.propagate = False
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())
