"""Kafka: a consumer group, and a consumer without a group for each replica, over aiokafka.

A channel is a topic. Kafka acknowledges by position: the committed offset is the first one that is
not handled, so no event is skipped while several are handled at once. The group has two topics of
its own: for dead letters, and for replayed ones.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from math import inf
from typing import Any, Protocol
from urllib.parse import unquote

import attrs
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError
from aiokafka.helpers import create_ssl_context
from typed_settings import Secret

from shelfport.adapters.events.names import BusNames
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

_COMMIT_EVERY = 0.25
"""Seconds between two commits: events handled since the last one come again after a crash."""

_SESSION_TIMEOUT_MS = 6_000
"""After so long without a heartbeat a replica is dead: the minimum that Kafka allows by default."""


class Record(Protocol):
    """A record of aiokafka, the attributes that are used."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


@attrs.frozen
class KafkaBus:
    """See `Bus`.

    Args:
        url: kafka://host:port,host:port, or kafkas:// for TLS; user and password before the hosts
            are for SASL PLAIN.
        names: the prefix of its topics, and the group.
    """

    url: Secret[str] = attrs.field(converter=as_secret)
    names: BusNames

    @property
    def name(self) -> str:
        """See `Bus.name`."""
        return f"Kafka at {_parts(self.url)[2]}"

    @asynccontextmanager
    async def consumer_group(self) -> AsyncIterator[Source]:
        """See `Bus.consumer_group`."""
        async with self._producing() as producer:
            # Made after the producer: a consumer that is not started would not be stopped.
            consumer = self._consumer(
                group_id=self.names.own,
                auto_offset_reset="earliest",
                enable_auto_commit=False,
                session_timeout_ms=_SESSION_TIMEOUT_MS,
                heartbeat_interval_ms=_SESSION_TIMEOUT_MS // 3,
            )
            progress = _Progress(consumer)
            # Subscribed before the start, so that the listener sees every assignment.
            consumer.subscribe([*self.names.channels, self.names.replayed], listener=progress)
            async with _started(consumer):
                yield _ConsumerGroup(consumer, producer, self.names, progress)
                await progress.commit()

    @asynccontextmanager
    async def broadcast(self) -> AsyncIterator[Source]:
        """See `Bus.broadcast`."""
        consumer = self._consumer(group_id=None, auto_offset_reset="latest")
        consumer.subscribe(list(self.names.channels))
        async with _started(consumer):
            if consumer.assignment():
                await consumer.seek_to_end()
            yield _Broadcast(consumer, self.names)

    @asynccontextmanager
    async def dead_letters(self) -> AsyncIterator[Source]:
        """See `Bus.dead_letters`."""
        async with AsyncExitStack() as stack:
            producer = await stack.enter_async_context(self._producing())
            consumer = self._consumer(
                group_id=f"{self.names.own}.replay",
                auto_offset_reset="earliest",
                enable_auto_commit=False,
            )
            await stack.enter_async_context(_started(consumer))
            # The producer asks for the partitions; a consumer learns them later.
            numbers = await producer.partitions_for(self.names.dead)
            partitions = [TopicPartition(self.names.dead, number) for number in numbers]
            consumer.assign(partitions)
            ends = await consumer.end_offsets(partitions)
            progress = _Progress(consumer)
            yield _DeadLetters(consumer, producer, self.names, progress, ends)
            await progress.commit()

    @asynccontextmanager
    async def publisher(self) -> AsyncIterator[Publisher]:
        """See `Bus.publisher`."""
        async with self._producing() as producer:
            yield _Publisher(producer, self.names)

    def _consumer(self, **options: Any) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(**self._connection, **options)

    @asynccontextmanager
    async def _producing(self) -> AsyncIterator[AIOKafkaProducer]:
        producer = AIOKafkaProducer(**self._connection, acks="all")
        async with _started(producer):
            yield producer

    @property
    def _connection(self) -> dict[str, Any]:
        scheme, credentials, hosts = _parts(self.url)
        options: dict[str, Any] = {"bootstrap_servers": hosts, "security_protocol": "PLAINTEXT"}
        if scheme == "kafkas":
            options |= {"security_protocol": "SSL", "ssl_context": create_ssl_context()}
        if credentials:
            user, _, password = credentials.partition(":")
            options |= {
                "security_protocol": "SASL_SSL" if scheme == "kafkas" else "SASL_PLAINTEXT",
                "sasl_mechanism": "PLAIN",
                "sasl_plain_username": unquote(user),
                "sasl_plain_password": unquote(password),
            }
        return options


def _parts(url: Secret[str]) -> tuple[str, str, str]:
    """Scheme, credentials and hosts; a URL parser does not take several hosts."""
    scheme, _, rest = url.get_secret_value().partition("://")
    credentials, _, hosts = rest.rpartition("@")
    return scheme, credentials, hosts.partition("/")[0]


@asynccontextmanager
async def _started(client: Any) -> AsyncIterator[None]:
    try:
        await client.start()
        yield
    finally:
        await client.stop()


@attrs.define
class _Partition:
    """The offsets fetched from a partition, and the position up to which all are handled."""

    fetched: deque[int] = attrs.field(factory=deque)
    handled: set[int] = attrs.field(factory=set)
    position: int | None = None
    """The offset to commit: the first one that is not handled; None if there is no new one."""

    def finish(self, offset: int) -> None:
        self.handled.add(offset)
        while self.fetched and self.fetched[0] in self.handled:
            first = self.fetched.popleft()
            self.handled.discard(first)
            self.position = first + 1


@ConsumerRebalanceListener.register
class _Progress:
    """The position of each partition, and the commits."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self._partitions: dict[TopicPartition, _Partition] = {}
        self._committed_at = -inf

    def track(self, record: Record) -> _Partition:
        """Note that `record` was fetched; call `finish` of the result when it is handled."""
        where = TopicPartition(record.topic, record.partition)
        partition = self._partitions.setdefault(where, _Partition())
        partition.fetched.append(record.offset)
        return partition

    async def commit_if_due(self) -> None:
        """Commit unless the last commit was a moment ago."""
        now = asyncio.get_running_loop().time()
        if now - self._committed_at >= _COMMIT_EVERY:
            self._committed_at = now
            await self.commit()

    async def commit(self) -> None:
        """Commit the positions."""
        offsets: dict[TopicPartition, int] = {}
        for where, partition in self._partitions.items():
            if partition.position is not None:
                offsets[where], partition.position = partition.position, None
        if not offsets:
            return
        try:
            await self._consumer.commit(offsets)
        except (CommitFailedError, IllegalStateError):
            # The partitions belong to another replica now, which begins at the last commit.
            self._partitions.clear()

    async def on_partitions_revoked(self, _revoked: Any) -> None:
        """Commit before another replica takes over; unfinished events are delivered to it again."""
        await self.commit()
        self._partitions.clear()

    async def on_partitions_assigned(self, _assigned: Any) -> None:
        """Nothing to do: the revocation has cleared the state."""


class _ConsumerGroup:
    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        producer: AIOKafkaProducer,
        names: BusNames,
        progress: _Progress,
    ) -> None:
        self._consumer = consumer
        self._producer = producer
        self._names = names
        self._progress = progress

    async def fetch(self, most: int) -> Sequence[Delivery]:
        await self._progress.commit_if_due()
        return [self._delivery(record) for record in await _fetched(self._consumer, most)]

    def _delivery(self, record: Record) -> Delivery:
        message, partition = _message(record, self._names), self._progress.track(record)

        async def ack() -> None:
            partition.finish(record.offset)

        async def dead_letter(reason: str) -> None:
            await _send(
                self._producer, self._names.dead, message, dead_letter_headers(message, reason)
            )
            partition.finish(record.offset)

        return Delivery(message, ack, dead_letter)


@attrs.frozen
class _Broadcast:
    consumer: AIOKafkaConsumer
    names: BusNames

    async def fetch(self, most: int) -> Sequence[Delivery]:
        records = await _fetched(self.consumer, most)
        return [Delivery(_message(record, self.names), no_ack, discard) for record in records]


@attrs.frozen
class _DeadLetters:
    consumer: AIOKafkaConsumer
    producer: AIOKafkaProducer
    names: BusNames
    progress: _Progress
    ends: Mapping[TopicPartition, int]
    """The end of each partition at the start: later dead letters are not replayed."""

    async def fetch(self, most: int) -> Sequence[Delivery]:
        await self.progress.commit()
        while await self._more():
            records = [
                record
                for record in await _fetched(self.consumer, most)
                if record.offset < self.ends[TopicPartition(record.topic, record.partition)]
            ]
            if records:
                return [self._delivery(record) for record in records]
        return []

    async def _more(self) -> bool:
        for partition, end in self.ends.items():
            if await self.consumer.position(partition) < end:
                return True
        return False

    def _delivery(self, record: Record) -> Delivery:
        message, partition = _message(record, self.names), self.progress.track(record)

        async def ack() -> None:
            await _send(self.producer, self.names.replayed, message, {REASON: ""})
            partition.finish(record.offset)

        return Delivery(message, ack, discard)


@attrs.frozen
class _Publisher:
    producer: AIOKafkaProducer
    names: BusNames

    async def publish(self, message: Message) -> None:
        await _send(self.producer, f"{self.names.prefix}{message.channel}", message, {})


async def _fetched(consumer: AIOKafkaConsumer, most: int) -> list[Record]:
    fetched = await consumer.getmany(timeout_ms=round(FETCH_WAIT * 1000), max_records=most)
    return [record for records in fetched.values() for record in records]


async def _send(
    producer: AIOKafkaProducer, topic: str, message: Message, headers: Mapping[str, str]
) -> None:
    all_headers = [(name, value.encode()) for name, value in {**message.headers, **headers}.items()]
    key = message.key.encode() or None
    await producer.send_and_wait(topic, message.body, key=key, headers=all_headers)


def _message(record: Record, names: BusNames) -> Message:
    headers = {
        name.lower(): (value or b"").decode("utf-8", "replace") for name, value in record.headers
    }
    address = names.channel_of(record.topic, headers)
    return Message(
        record.value or b"", headers, address, (record.key or b"").decode("utf-8", "replace")
    )
