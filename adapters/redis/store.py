"""`RedisStore`: the shared cache as hashes in Redis, one a variant, changed by scripts alone."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from pathlib import Path
from struct import Struct
from types import TracebackType
from typing import Any, Protocol, Self
from uuid import UUID

import attrs

from shelfport.adapters.redis.encoding import decoded, encoded, microseconds
from shelfport.adapters.redis.scripts import Script
from shelfport.domain.model import ProductVariantId, StockReading
from shelfport.ports.shared_store import Lease, Lookup, LookupOptions, StoreRequest

_TOKEN_MS = 60_000
"""How long a token lives of which nothing was kept: far longer than a read takes."""
_LEASES = (Lease.NONE, Lease.HELD, Lease.HELD_BY_OTHER)
_SENDER_BYTES = 8
_ID_BYTES = 16
_HEAD = Struct("<BBBId")
"""Of what lookup.lua says of a variant: current, lease, lengths of token and payload, age."""

LOOK, KEEP, RELEASE, FENCE = (
    Script.load(Path(__file__).with_name("scripts") / f"{name}.lua")
    for name in ("lookup", "store", "release", "fence")
)


class ScriptRunner(AbstractAsyncContextManager[Any], Protocol):
    """What the store asks of a client."""

    async def run(
        self, script: Script, keys: Sequence[str], args: Sequence[bytes | str | int]
    ) -> Any:
        """What `script` returns, in one round trip."""
        ...

    async def ping(self) -> None:
        """Find out whether the server answers."""
        ...

    def messages(self, channel: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """What is published on `channel` from now on."""
        ...


@attrs.frozen(eq=False)
class RedisStore:
    """A `SharedStore` in Redis.

    All keys have the prefix as their hash tag: in a Redis Cluster they live in one slot, so that a
    script may touch a whole page.
    """

    client: ScriptRunner
    prefix: str
    sender: bytes = attrs.field(repr=False)
    """Eight bytes that no other replica has: its own changes are not told back to it."""
    new_token: Callable[[], str] = attrs.field(repr=False)

    async def __aenter__(self) -> Self:
        await self.client.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.client.__aexit__(exc_type, exc, traceback)

    @property
    def channel(self) -> str:
        """Where changes are announced."""
        return f"{{{self.prefix}}}:1:changes"

    def key(self, variant: ProductVariantId) -> str:
        """Where a variant is kept. Raises for what is no UUID: a key is never a caller's text."""
        return f"{{{self.prefix}}}:1:{variant.hex}"

    async def look(
        self, ids: Sequence[ProductVariantId], terms: LookupOptions
    ) -> Mapping[ProductVariantId, Lookup]:
        """See `SharedStore.look`."""
        said = await self.client.run(
            LOOK,
            [self.key(variant) for variant in ids],
            [
                self.new_token(),
                terms.claim,
                microseconds(terms.now),
                _microseconds(terms.reading_age),
                _microseconds(terms.unknown_age),
                _microseconds(terms.lease),
                _TOKEN_MS,
            ],
        )
        glances: dict[ProductVariantId, Lookup] = {}
        now, at = microseconds(terms.now), 0
        for variant in ids:
            current, lease, token_length, payload_length, age = _HEAD.unpack_from(said, at)
            token_at = at + _HEAD.size
            payload_at = token_at + token_length
            at = payload_at + payload_length
            # No younger than the server says, if the host that read it has another idea of time.
            kept = decoded(variant, said[payload_at:at], now - round(age))
            glances[variant] = Lookup(
                kept,
                bool(current) and kept is not None,
                said[token_at:payload_at],
                _LEASES[lease],
            )
        return glances

    async def keep(
        self, page: Mapping[ProductVariantId, StoreRequest], now: datetime, claim: str
    ) -> None:
        """See `SharedStore.keep`."""
        args: list[bytes | str | int] = [claim]
        for keeping in page.values():
            kept = keeping.kept
            args += (
                keeping.token,
                encoded(kept, keeping.as_of),
                microseconds(kept.level.updated_at) if isinstance(kept, StockReading) else "",
                microseconds(keeping.as_of),
                max(microseconds(now) - microseconds(keeping.as_of), 0),
                max(int(keeping.seconds * 1000), 1),
            )
        await self.client.run(KEEP, [self.key(variant) for variant in page], args)

    async def release(self, ids: Sequence[ProductVariantId], claim: str) -> None:
        """See `SharedStore.release`."""
        await self.client.run(RELEASE, [self.key(variant) for variant in ids], [claim])

    async def fence(self, ids: Sequence[ProductVariantId], stamp: str | None) -> None:
        """See `SharedStore.fence`."""
        await self.client.run(
            FENCE,
            [self.key(variant) for variant in ids],
            [
                self.new_token(),
                stamp or "",
                _TOKEN_MS,
                self.channel,
                self.sender,
                *(variant.bytes for variant in ids),
            ],
        )

    async def check(self) -> None:
        """See `SharedStore.check`."""
        await self.client.ping()

    @asynccontextmanager
    async def changes(self) -> AsyncIterator[AsyncIterator[Sequence[ProductVariantId]]]:
        """See `SharedStore.changes`."""
        async with self.client.messages(self.channel) as messages:
            yield self._of_others(messages)

    async def _of_others(
        self, messages: AsyncIterator[bytes]
    ) -> AsyncIterator[Sequence[ProductVariantId]]:
        async for message in messages:
            sender, ids = message[:_SENDER_BYTES], message[_SENDER_BYTES:]
            if sender != self.sender and ids and len(ids) % _ID_BYTES == 0:
                yield [
                    ProductVariantId(UUID(bytes=ids[start : start + _ID_BYTES]))
                    for start in range(0, len(ids), _ID_BYTES)
                ]


def _microseconds(seconds: float) -> int:
    return int(min(seconds, 1e9) * 1_000_000)
