"""What a team would write instead: the same features, assembled from well-known libraries.

Both keep levels for the three windows that shelfport has by default (5 s fresh, 30 s served and
refreshed behind, 300 s shown if the service fails), ask for what is missing in requests of 200 ids,
16 at once, within 1 s an attempt, three attempts, behind a circuit breaker that opens at five
failures, and leave a record with a correlation id of every request. U1 is aiohttp, stamina,
purgatory, cashews and pydantic; U2 aiohttp, tenacity, aiobreaker, aiocache and pydantic.
"""

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from enum import Enum
from typing import Annotated, NamedTuple, Self
from uuid import UUID, uuid4

import aiobreaker
import aiocache
import aiohttp
import cashews
import purgatory
import stamina
import tenacity
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter
from pydantic.alias_generators import to_camel

AS_IT_COMES = "U2 as it comes"
"""For comparison only: goals refer to the faster U2."""
FRESH, SERVED, KEPT = 5.0, 30.0, 300.0
"""Seconds; see above."""
MOST_IDS = 200
MOST_ENTRIES = 100_000

logger = logging.getLogger("peers")


class Status(Enum):
    """The statuses of inventory-service.yaml."""

    IN_STOCK = "IN_STOCK"
    LOW_STOCK = "LOW_STOCK"
    OUT_OF_STOCK = "OUT_OF_STOCK"


class Level(BaseModel):
    """A stock level, validated."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel)

    product_variant_id: UUID
    available_quantity: Annotated[int, Field(ge=0, le=2**31 - 1)]
    status: Status
    updated_at: AwareDatetime


_levels = TypeAdapter(list[Level])


class Kept(NamedTuple):
    """A cache entry of a variant."""

    level: Level
    asked_at: float
    """On the monotonic clock."""


class Peer(ABC):
    """What U1 and U2 have in common: the windows, the chunks and the request."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url
        self._slots = asyncio.Semaphore(16)
        self._refreshing: set[UUID] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def one(self, variant: UUID) -> Kept | None:
        """The entry of one variant; None if it is unknown."""
        kept = await self._look_one(str(variant))
        if kept is not None and time.monotonic() - kept.asked_at < FRESH:
            return kept
        return (await self.page([variant])).get(variant)

    async def page(self, ids: Sequence[UUID]) -> dict[UUID, Kept]:
        """The entries of the variants of a page."""
        found = await self._look([str(variant) for variant in ids])
        now = time.monotonic()
        page: dict[UUID, Kept] = {}
        ask: list[UUID] = []
        refresh: list[UUID] = []
        for variant, kept in zip(ids, found, strict=True):
            if kept is None:
                ask.append(variant)
                continue
            page[variant] = kept
            age = now - kept.asked_at
            if age >= SERVED:
                ask.append(variant)
            elif age >= FRESH and variant not in self._refreshing:
                refresh.append(variant)
        if refresh:
            self._refresh(refresh)
        if ask:
            try:
                page.update(await self._fetch(ask))
            except Exception as error:
                logger.warning("stock not read: %s", error)
        return page

    async def renew(self, ids: Sequence[UUID]) -> None:
        """Fetch `ids`, whether or not they are cached."""
        await self._fetch(list(ids))

    def _refresh(self, ids: list[UUID]) -> None:
        self._refreshing.update(ids)
        task = asyncio.create_task(self._fetch_behind(ids))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _fetch_behind(self, ids: list[UUID]) -> None:
        try:
            await self._fetch(ids)
        except Exception as error:
            logger.warning("stock not refreshed: %s", error)
        finally:
            self._refreshing.difference_update(ids)

    async def _fetch(self, ids: list[UUID]) -> dict[UUID, Kept]:
        chunks = [ids[start : start + MOST_IDS] for start in range(0, len(ids), MOST_IDS)]
        if len(chunks) == 1:
            return await self._fetch_chunk(chunks[0])
        parts = await asyncio.gather(*map(self._fetch_chunk, chunks))
        return {variant: kept for part in parts for variant, kept in part.items()}

    async def _fetch_chunk(self, ids: list[UUID]) -> dict[UUID, Kept]:
        async with self._slots:
            asked_at = time.monotonic()
            levels = await self._ask(ids)
        fetched = {level.product_variant_id: Kept(level, asked_at) for level in levels}
        await self._keep({str(variant): kept for variant, kept in fetched.items()})
        return fetched

    async def _request(self, ids: list[UUID]) -> list[Level]:
        """One attempt, without retries and circuit breaker."""
        correlation_id = uuid4().hex
        began = time.monotonic()
        async with self._session.get(
            f"{self._url}/inventory",
            params={"productVariantIds": ",".join(map(str, ids))},
            headers={"X-Correlation-ID": correlation_id},
        ) as response:
            response.raise_for_status()
            levels = _levels.validate_json(await response.read())
        logger.info(
            "inventory read of %d answered in %.1f ms (correlation id %s)",
            len(ids),
            (time.monotonic() - began) * 1000,
            correlation_id,
            extra={"correlation_id": correlation_id, "variants": len(ids)},
        )
        return levels

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @abstractmethod
    async def _look_one(self, key: str) -> Kept | None: ...
    @abstractmethod
    async def _look(self, keys: list[str]) -> Iterable[Kept | None]: ...
    @abstractmethod
    async def _keep(self, kept: dict[str, Kept]) -> None: ...
    @abstractmethod
    async def _ask(self, ids: list[UUID]) -> list[Level]: ...


_TRANSIENT = (aiohttp.ClientError, TimeoutError)


class U1(Peer):
    """stamina, purgatory, cashews."""

    async def __aenter__(self) -> Self:
        self._cache = cashews.Cache()
        # The search for expired entries walks through all entries: once a minute is enough.
        self._cache.setup(f"mem://?size={MOST_ENTRIES}&check_interval=60")
        breakers = purgatory.AsyncCircuitBreakerFactory(default_threshold=5, default_ttl=5)
        self._breaker = await breakers.get_breaker("inventory")
        return self

    async def __aexit__(self, *_: object) -> None:
        await super().__aexit__()
        await self._cache.close()

    async def _look_one(self, key: str) -> Kept | None:
        kept: Kept | None = await self._cache.get(key)
        return kept

    async def _look(self, keys: list[str]) -> Iterable[Kept | None]:
        return await self._cache.get_many(*keys)

    async def _keep(self, kept: dict[str, Kept]) -> None:
        await self._cache.set_many(kept, expire=KEPT)

    @stamina.retry(on=_TRANSIENT, attempts=3, timeout=2.0, wait_initial=0.05, wait_max=1.0)
    async def _ask(self, ids: list[UUID]) -> list[Level]:
        async with self._breaker:
            return await self._request(ids)


class U2(Peer):
    """tenacity, aiobreaker, aiocache."""

    timeout: float | None = None
    """Of aiocache: memory does not hang, and each `wait_for` costs 20 µs."""

    async def __aenter__(self) -> Self:
        self._cache = aiocache.SimpleMemoryCache(timeout=self.timeout)
        self._breaker = aiobreaker.CircuitBreaker(fail_max=5, timeout_duration=timedelta(seconds=5))
        return self

    async def __aexit__(self, *_: object) -> None:
        await super().__aexit__()
        await self._cache.clear()

    async def _look_one(self, key: str) -> Kept | None:
        kept: Kept | None = await self._cache.get(key)
        return kept

    async def _look(self, keys: list[str]) -> Iterable[Kept | None]:
        found: list[Kept | None] = await self._cache.multi_get(keys)
        return found

    async def _keep(self, kept: dict[str, Kept]) -> None:
        await self._cache.multi_set(list(kept.items()), ttl=KEPT)

    @tenacity.retry(
        retry=tenacity.retry_if_exception_type(_TRANSIENT),
        stop=tenacity.stop_after_attempt(3) | tenacity.stop_after_delay(2.0),
        wait=tenacity.wait_random_exponential(multiplier=0.05, max=1.0),
        reraise=True,
    )
    async def _ask(self, ids: list[UUID]) -> list[Level]:
        levels: list[Level] = await self._breaker.call_async(self._request, ids)
        return levels


class U2AsItComes(U2):
    """U2 with aiocache's own default."""

    timeout = 5.0


PEERS: dict[str, type[U1 | U2]] = {"U1": U1, "U2": U2, AS_IT_COMES: U2AsItComes}


@asynccontextmanager
async def peer(name: str, url: str) -> AsyncIterator[Peer]:
    """U1 or U2, towards the service at `url`."""
    timeout = aiohttp.ClientTimeout(total=1.0, sock_connect=0.5)
    connector = aiohttp.TCPConnector(limit=0)
    async with (
        aiohttp.ClientSession(timeout=timeout, connector=connector) as session,
        PEERS[name](session, url) as made,
    ):
        yield made
