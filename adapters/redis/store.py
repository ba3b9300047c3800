"""`RedisStore`: the shared cache in Redis, one hash for each variant; only scripts change them."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from pathlib import Path
from struct import Struct
from types import TracebackType
from typing import Any, Protocol, Self

import attrs

from shelfport.adapters.redis.encoding import decode, encode, microseconds
from shelfport.adapters.redis.scripts import Script
from shelfport.domain.model import ProductVariantId, StockReading, is_variant_id
from shelfport.ports.shared_store import Lease, Lookup, LookupOptions, StoreRequest

_VERSION = 2
"""Of the keys and the channel: in version 1, ids were the bytes of a UUID. Replicas of two versions
share one Redis, and neither values nor announcements."""
_TOKEN_MS = 60_000
"""The lifetime of a hash without a value, and of a fence: far longer than a read takes."""
_LEASES = (Lease.NONE, Lease.HELD, Lease.HELD_BY_OTHER)
_SENDER_BYTES = 8
_END_OF_ID = "\n"
_HEAD = Struct("<BBBIdd")
"""The head of a variant in the reply of lookup.lua: flags, lease, lengths of token and payload, the
age, and how much of it is from before the variant was asked for."""
_CURRENT, _ABSENT = 1, 2
"""The flags."""

LOOKUP, STORE, RELEASE, FENCE = (
    Script.load(Path(__file__).with_name("scripts") / f"{name}.lua")
    for name in ("lookup", "store", "release", "fence")
)


class ScriptRunner(AbstractAsyncContextManager[Any], Protocol):
    """The client that the store uses."""

    async def run(
        self, script: Script, keys: Sequence[str], args: Sequence[bytes | str | int]
    ) -> Any:
        """Run `script` in one round trip, and return its result."""
        ...

    async def ping(self) -> None:
        """Return if the server answers."""
        ...

    def messages(self, channel: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Receive what is published on `channel` from now on."""
        ...


@attrs.frozen(eq=False)
class RedisStore:
    """A `SharedStore` in Redis.

    All keys have the prefix as their hash tag. In a Redis Cluster they are in one slot, so that a
    script may use all keys of a page.
    """

    client: ScriptRunner
    prefix: str
    sender: bytes = attrs.field(repr=False)
    """Eight bytes that no other replica has: this replica skips its own announcements by them."""
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
        """The channel of the backplane."""
        return f"{{{self.prefix}}}:{_VERSION}:changes"

    def key(self, variant: ProductVariantId) -> str:
        """The key of a variant."""
        return f"{{{self.prefix}}}:{_VERSION}:{variant}"

    async def lookup(
        self, ids: Sequence[ProductVariantId], options: LookupOptions
    ) -> Mapping[ProductVariantId, Lookup]:
        """See `SharedStore.lookup`."""
        reply = await self.client.run(
            LOOKUP,
            [self.key(variant) for variant in ids],
            [
                self.new_token(),
                options.claim,
                microseconds(options.now),
                _microseconds(options.reading_age),
                _microseconds(options.unknown_age),
                _microseconds(options.max_staleness),
                _microseconds(options.lease),
                _TOKEN_MS,
            ],
        )
        lookups: dict[ProductVariantId, Lookup] = {}
        now, at = microseconds(options.now), 0
        for variant in ids:
            flags, lease, token_length, payload_length, age, upstream = _HEAD.unpack_from(reply, at)
            token_at = at + _HEAD.size
            payload_at = token_at + token_length
            at = payload_at + payload_length
            # The age by the server limits `as_of`: the clock of the host that read it may be ahead.
            value = decode(variant, reply[payload_at:at], now - round(age), round(upstream))
            lookups[variant] = Lookup(
                value,
                bool(flags & _CURRENT) and value is not None,
                reply[token_at:payload_at],
                _LEASES[lease],
                bool(flags & _ABSENT),
            )
        return lookups

    async def store(
        self, page: Mapping[ProductVariantId, StoreRequest], now: datetime, claim: str
    ) -> None:
        """See `SharedStore.store`."""
        moment = microseconds(now)
        args: list[bytes | str | int] = [claim]
        for request in page.values():
            value, as_of = request.value, microseconds(request.as_of)
            updated_at: int | str = ""
            hold: int | str = ""
            if isinstance(value, StockReading):
                hold = _microseconds(request.regression_hold)
                if value.level.updated_at is not None:
                    # The service's clock may be ahead: an old level must not win for that.
                    updated_at = min(microseconds(value.level.updated_at), as_of)
            args += (
                request.token,
                encode(value, request.as_of),
                updated_at,
                as_of,
                as_of + _microseconds(value.upstream_age),
                max(moment - as_of, 0),
                max(int(request.ttl * 1000), 1),
                hold,
            )
        await self.client.run(STORE, [self.key(variant) for variant in page], args)

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
                *(f"{variant}{_END_OF_ID}" for variant in ids),
            ],
        )

    async def check(self) -> None:
        """See `SharedStore.check`."""
        await self.client.ping()

    @asynccontextmanager
    async def invalidations(self) -> AsyncIterator[AsyncIterator[Sequence[ProductVariantId]]]:
        """See `SharedStore.invalidations`."""
        async with self.client.messages(self.channel) as messages:
            yield self._of_others(messages)

    async def _of_others(
        self, messages: AsyncIterator[bytes]
    ) -> AsyncIterator[Sequence[ProductVariantId]]:
        async for message in messages:
            sender, ids = message[:_SENDER_BYTES], message[_SENDER_BYTES:]
            texts = ids.decode("ascii", "replace").splitlines()
            if sender != self.sender and texts and all(map(is_variant_id, texts)):
                yield [ProductVariantId(text) for text in texts]


def _microseconds(seconds: float) -> int:
    return int(min(seconds, 1e9) * 1_000_000)
