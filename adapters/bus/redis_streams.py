"""Redis Streams: a consumer group that recovers pending entries, plain reads for each replica.

A channel is a stream; an entry's field `data` is the message, and its other fields are the headers.
Entries that a replica read and did not acknowledge are claimed by another one (XAUTOCLAIM). The
group has two streams of its own: for dead letters, and for replayed ones.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from math import inf
from typing import Any
from uuid import uuid4

import attrs
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ResponseError
from typed_settings import Secret

from shelfport.adapters.events.names import BusNames
from shelfport.adapters.runtime.secret_address import place_of
from shelfport.adapters.runtime.secret_text import as_secret
from shelfport.ports.message_bus import (
    FETCH_WAIT,
    REASON,
    Delivery,
    Message,
    Publisher,
    Source,
    dead_letter_headers,
    discard,
    no_ack,
)

DATA = "data"
"""The field of an entry that has the message."""

_CONNECT = 5.0
"""Seconds that a connection, and any answer, may take."""
_MAX_LENGTH = 1_000_000
"""Entries that the publisher keeps in a stream, approximately."""
_ABANDONED = 10
"""After so many times `ack_timeout` an idle consumer without pending entries is deleted."""

Entry = tuple[bytes, dict[bytes, bytes]]
Client = Any
"""A `redis.asyncio.Redis`; its type hints give unions of the answers of all protocols."""


@attrs.frozen
class RedisStreamsBus:
    """See `Bus`.

    Args:
        url: redis(s)://user:password@host:port/database.
        names: the prefix of its streams, and the group.
        ack_timeout: seconds until another replica claims an entry without an acknowledgement.
    """

    url: Secret[str] = attrs.field(converter=as_secret)
    names: BusNames
    ack_timeout: float

    @property
    def name(self) -> str:
        """See `Bus.name`."""
        return f"Redis at {place_of(self.url, 6379)}"

    @asynccontextmanager
    async def consumer_group(self) -> AsyncIterator[Source]:
        """See `Bus.consumer_group`."""
        async with self._connected() as redis:
            streams = [*self.names.channels, self.names.replayed]
            for stream in streams:
                await self._declare_group(redis, stream)
            consumer = uuid4().hex
            source = _ConsumerGroup(redis, self.names, consumer, streams, self.ack_timeout)
            try:
                yield source
            finally:
                with suppress(Exception):  # only the consumer's name would stay
                    await source.leave()

    @asynccontextmanager
    async def broadcast(self) -> AsyncIterator[Source]:
        """See `Bus.broadcast`."""
        async with self._connected() as redis:
            read = {stream: await _last_id(redis, stream) for stream in self.names.channels}
            yield _Broadcast(redis, self.names, read)

    @asynccontextmanager
    async def dead_letters(self) -> AsyncIterator[Source]:
        """See `Bus.dead_letters`."""
        async with self._connected() as redis:
            yield _DeadLetters(redis, self.names, await _last_id(redis, self.names.dead))

    @asynccontextmanager
    async def publisher(self) -> AsyncIterator[Publisher]:
        """See `Bus.publisher`."""
        async with self._connected() as redis:
            yield _Publisher(redis, self.names)

    @asynccontextmanager
    async def _connected(self) -> "AsyncIterator[Client]":
        redis: Client = Redis.from_url(
            self.url.get_secret_value(),
            socket_connect_timeout=_CONNECT,
            socket_timeout=_CONNECT,
            retry=Retry(NoBackoff(), 0),
        )
        try:
            await redis.ping()
            yield redis
        finally:
            await redis.aclose()

    async def _declare_group(self, redis: Client, stream: str) -> None:
        try:
            await redis.xgroup_create(stream, self.names.group, id="0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise
        for consumer in await redis.xinfo_consumers(stream, self.names.group):
            abandoned = consumer["idle"] > self.ack_timeout * _ABANDONED * 1000
            if abandoned and consumer["pending"] == 0:
                await redis.xgroup_delconsumer(stream, self.names.group, consumer["name"])


class _ConsumerGroup:
    def __init__(
        self,
        redis: Client,
        names: BusNames,
        consumer: str,
        streams: Sequence[str],
        ack_timeout: float,
    ) -> None:
        self._redis = redis
        self._names = names
        self._consumer = consumer
        self._streams = streams
        self._ack_timeout = ack_timeout
        self._claimed_at = -inf

    async def fetch(self, most: int) -> Sequence[Delivery]:
        now = asyncio.get_running_loop().time()
        if now - self._claimed_at >= self._ack_timeout / 4:
            claimed = [d for stream in self._streams for d in await self._claim(stream, most)]
            if claimed:
                return claimed
            self._claimed_at = now
        read = await self._redis.xreadgroup(
            self._names.group,
            self._consumer,
            dict.fromkeys(self._streams, ">"),
            count=most,
            block=round(FETCH_WAIT * 1000),
        )
        return [
            self._delivery(stream.decode(), entry, 1)
            for stream, entries in read
            for entry in entries
        ]

    async def _claim(self, stream: str, most: int) -> list[Delivery]:
        """Entries that other consumers read and did not acknowledge in time."""
        group, idle = self._names.group, round(self._ack_timeout * 1000)
        _, entries, *_ = await self._redis.xautoclaim(
            stream, group, self._consumer, min_idle_time=idle, count=most
        )
        # A pending entry that was trimmed from the stream comes without data.
        entries = [entry for entry in entries if entry[1]]
        if not entries:
            return []
        pending = await self._redis.xpending_range(
            stream, group, entries[0][0], entries[-1][0], 10 * most, self._consumer
        )
        counts = {each["message_id"]: each["times_delivered"] for each in pending}
        return [self._delivery(stream, entry, counts.get(entry[0], 2)) for entry in entries]

    def _delivery(self, stream: str, entry: Entry, delivery_count: int) -> Delivery:
        number, _ = entry
        message = _message(stream, entry, self._names)

        async def ack() -> None:
            async with self._redis.pipeline() as pipeline:
                self._acknowledge(pipeline, stream, number)
                await pipeline.execute()

        async def dead_letter(reason: str) -> None:
            async with self._redis.pipeline() as pipeline:
                pipeline.xadd(
                    self._names.dead, _fields(message, dead_letter_headers(message, reason))
                )
                self._acknowledge(pipeline, stream, number)
                await pipeline.execute()

        return Delivery(message, ack, dead_letter, delivery_count)

    def _acknowledge(self, pipeline: Any, stream: str, number: bytes) -> None:
        pipeline.xack(stream, self._names.group, number)
        if stream == self._names.replayed:
            pipeline.xdel(stream, number)

    async def leave(self) -> None:
        """Delete the consumer from the group, where it has no pending entries."""
        for stream in self._streams:
            for consumer in await self._redis.xinfo_consumers(stream, self._names.group):
                if consumer["name"].decode() == self._consumer and consumer["pending"] == 0:
                    await self._redis.xgroup_delconsumer(stream, self._names.group, self._consumer)


@attrs.frozen
class _Broadcast:
    redis: Client
    names: BusNames
    read: dict[str, bytes]
    """The last entry that was read, for each stream."""

    async def fetch(self, most: int) -> Sequence[Delivery]:
        found = await self.redis.xread(self.read, count=most, block=round(FETCH_WAIT * 1000))
        deliveries: list[Delivery] = []
        for name, entries in found:
            stream = name.decode()
            for entry in entries:
                self.read[stream] = entry[0]
                message = _message(stream, entry, self.names)
                deliveries.append(Delivery(message, no_ack, discard))
        return deliveries


@attrs.define
class _DeadLetters:
    redis: Client
    names: BusNames
    last: bytes
    """The last dead letter at the start: later ones are not replayed."""
    _after: str = "-"

    async def fetch(self, most: int) -> Sequence[Delivery]:
        entries = await self.redis.xrange(self.names.dead, self._after, self.last, count=most)
        if entries:
            self._after = f"({entries[-1][0].decode()}"
        return [self._delivery(entry) for entry in entries]

    def _delivery(self, entry: Entry) -> Delivery:
        message = _message(self.names.dead, entry, self.names)

        async def ack() -> None:
            async with self.redis.pipeline() as pipeline:
                pipeline.xadd(self.names.replayed, _fields(message, {REASON: ""}))
                pipeline.xdel(self.names.dead, entry[0])
                await pipeline.execute()

        return Delivery(message, ack, discard)


@attrs.frozen
class _Publisher:
    redis: Client
    names: BusNames

    async def publish(self, message: Message) -> None:
        await self.redis.xadd(
            f"{self.names.prefix}{message.channel}", _fields(message, {}), maxlen=_MAX_LENGTH
        )


async def _last_id(redis: Client, stream: str) -> bytes:
    newest: list[Entry] = await redis.xrevrange(stream, count=1)
    return newest[0][0] if newest else b"0-0"


def _message(stream: str, entry: Entry, names: BusNames) -> Message:
    fields = {name.decode("utf-8", "replace").lower(): value for name, value in entry[1].items()}
    body = fields.pop(DATA, b"")
    headers = {name: value.decode("utf-8", "replace") for name, value in fields.items()}
    address = names.channel_of(stream, headers)
    return Message(body, headers, address)


def _fields(message: Message, headers: Mapping[str, str]) -> dict[Any, Any]:
    return {**message.headers, **headers, DATA: message.body}
