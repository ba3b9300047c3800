"""RabbitMQ: a quorum queue for the group, an exclusive queue for each replica, over aio-pika.

The exchange is the service's; if it is missing, it is declared as a durable topic. The group's
queue has the group's name. Its dead letters are in a queue of that name with `.dead` after it,
behind a fanout exchange of the same name: those of this library, with their reason, and the
broker's own.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import aio_pika
import attrs
from aio_pika.abc import (
    AbstractChannel,
    AbstractConnection,
    AbstractExchange,
    AbstractIncomingMessage,
    AbstractQueue,
    HeadersType,
)
from aio_pika.exceptions import ChannelNotFoundEntity
from typed_settings import Secret
from yarl import URL

from shelfport.adapters.events.names import BusNames
from shelfport.adapters.runtime.secret_address import place_of, scheme_of
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

_CONNECT = 5.0
"""Seconds that a connection may take."""


@attrs.frozen
class RabbitBus:
    """See `Bus`.

    Args:
        url: amqp(s)://user:password@host:port/vhost.
        names: the names of the exchange and the queues.
        max_concurrency: how many messages may be unacknowledged (the prefetch count).
    """

    url: Secret[str] = attrs.field(converter=as_secret)
    names: BusNames
    max_concurrency: int

    @property
    def name(self) -> str:
        """See `Bus.name`."""
        port = 5671 if scheme_of(self.url) == "amqps" else 5672
        return f"RabbitMQ at {place_of(self.url, port)}"

    @asynccontextmanager
    async def consumer_group(self) -> AsyncIterator[Source]:
        """See `Bus.consumer_group`."""
        async with _connected(self.url) as connection:
            exchange = await self._exchange(connection)
            channel = await connection.channel(on_return_raises=True)
            await channel.set_qos(prefetch_count=self.max_concurrency)
            dead_letters, _ = await self._dead_letters(channel)
            queue = await self._group_queue(channel)
            for routing_key in self.names.channels:
                await queue.bind(exchange.name, routing_key)
            source = _ConsumerGroup(connection, channel, self.names, dead_letters)
            await source.consume(queue, no_ack=False)
            yield source

    @asynccontextmanager
    async def broadcast(self) -> AsyncIterator[Source]:
        """See `Bus.broadcast`."""
        async with _connected(self.url) as connection:
            exchange = await self._exchange(connection)
            channel = await connection.channel()
            queue = await channel.declare_queue(exclusive=True)
            for routing_key in self.names.channels:
                await queue.bind(exchange.name, routing_key)
            source = _Broadcast(connection, channel, self.names)
            await source.consume(queue, no_ack=True)
            yield source

    @asynccontextmanager
    async def dead_letters(self) -> AsyncIterator[Source]:
        """See `Bus.dead_letters`."""
        async with _connected(self.url) as connection:
            channel = await connection.channel(on_return_raises=True)
            _, queue = await self._dead_letters(channel)
            await self._group_queue(channel)
            count = queue.declaration_result.message_count or 0
            yield _DeadLetters(queue, channel.default_exchange, self.names, count)

    @asynccontextmanager
    async def publisher(self) -> AsyncIterator[Publisher]:
        """See `Bus.publisher`."""
        async with _connected(self.url) as connection:
            exchange = await self._exchange(connection)
            yield _Publisher(exchange, self.names)

    async def _exchange(self, connection: AbstractConnection) -> AbstractExchange:
        channel = await connection.channel()
        try:
            # Passively: its type is the service's choice.
            return await channel.get_exchange(self.names.exchange)
        except ChannelNotFoundEntity:
            # The refusal has closed the channel.
            channel = await connection.channel()
            return await channel.declare_exchange(
                self.names.exchange, aio_pika.ExchangeType.TOPIC, durable=True
            )

    async def _group_queue(self, channel: AbstractChannel) -> AbstractQueue:
        return await channel.declare_queue(
            self.names.own,
            durable=True,
            arguments={"x-queue-type": "quorum", "x-dead-letter-exchange": self.names.dead},
        )

    async def _dead_letters(
        self, channel: AbstractChannel
    ) -> tuple[AbstractExchange, AbstractQueue]:
        exchange = await channel.declare_exchange(
            self.names.dead, aio_pika.ExchangeType.FANOUT, durable=True
        )
        queue = await channel.declare_queue(
            self.names.dead, durable=True, arguments={"x-queue-type": "quorum"}
        )
        await queue.bind(exchange)
        return exchange, queue


@asynccontextmanager
async def _connected(url: Secret[str]) -> AsyncIterator[AbstractConnection]:
    # Not RobustConnection: it reconnects by itself, so a lost connection would go unnoticed. Not
    # aio_pika.connect: a connection that it could not open stays unclosed, and closes itself when
    # it is collected, on whatever event loop runs then, if any.
    connection = aio_pika.Connection(URL(url.get_secret_value()), asyncio.get_running_loop())
    try:
        await connection.connect(timeout=_CONNECT)
        yield connection
    finally:
        await connection.close()


class _Consumer:
    """A consumer: keeps the messages that the broker pushes until they are fetched."""

    def __init__(
        self, connection: AbstractConnection, channel: AbstractChannel, names: BusNames
    ) -> None:
        self._connection = connection
        self._channel = channel
        self._names = names
        self._messages: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
        self._cancelled = False

    async def consume(self, queue: AbstractQueue, *, no_ack: bool) -> None:
        """Begin to consume `queue`."""
        underlay = await self._channel.get_underlay_channel()
        underlay.on_consumer_cancel_callbacks.add(self._on_cancel)
        await queue.consume(self._messages.put, no_ack=no_ack)

    def _on_cancel(self, *_: object) -> None:
        self._cancelled = True

    async def fetched(self, most: int) -> list[AbstractIncomingMessage]:
        """Up to `most` messages, waiting a moment for the first."""
        if self._connection.is_closed or self._channel.is_closed:
            raise ConnectionError("RabbitMQ closed the connection")
        if self._cancelled:
            raise ConnectionError("RabbitMQ cancelled the consumer: its queue is gone")
        try:
            async with asyncio.timeout(FETCH_WAIT):
                messages = [await self._messages.get()]
        except TimeoutError:
            return []
        while len(messages) < most and not self._messages.empty():
            messages.append(self._messages.get_nowait())
        return messages


class _ConsumerGroup(_Consumer):
    def __init__(
        self,
        connection: AbstractConnection,
        channel: AbstractChannel,
        names: BusNames,
        dead_letters: AbstractExchange,
    ) -> None:
        super().__init__(connection, channel, names)
        self._dead_letters = dead_letters

    async def fetch(self, most: int) -> Sequence[Delivery]:
        return [self._delivery(message) for message in await self.fetched(most)]

    def _delivery(self, message: AbstractIncomingMessage) -> Delivery:
        async def ack() -> None:
            await message.ack()

        async def dead_letter(reason: str) -> None:
            headers = {**message.headers, **dead_letter_headers(carried, reason)}
            await self._dead_letters.publish(_persistent(message, headers), "")
            await message.ack()

        carried = _message(message, self._names)
        failed = message.headers.get("x-delivery-count", 0)
        times = failed + 1 if isinstance(failed, int) else None
        return Delivery(carried, ack, dead_letter, times)


class _Broadcast(_Consumer):
    async def fetch(self, most: int) -> Sequence[Delivery]:
        return [
            Delivery(_message(message, self._names), no_ack, discard)
            for message in await self.fetched(most)
        ]


class _DeadLetters:
    def __init__(
        self, queue: AbstractQueue, exchange: AbstractExchange, names: BusNames, count: int
    ) -> None:
        self._queue = queue
        self._exchange = exchange
        self._names = names
        self._left = count

    async def fetch(self, most: int) -> Sequence[Delivery]:
        deliveries: list[Delivery] = []
        while self._left > 0 and len(deliveries) < most:
            message = await self._queue.get(fail=False)
            if message is None:
                break
            self._left -= 1
            deliveries.append(self._delivery(message))
        return deliveries

    def _delivery(self, message: AbstractIncomingMessage) -> Delivery:
        async def ack() -> None:
            await self._exchange.publish(
                _persistent(message, _without_reason(message.headers)), self._names.own
            )
            await message.ack()

        return Delivery(_message(message, self._names), ack, discard)


class _Publisher:
    def __init__(self, exchange: AbstractExchange, names: BusNames) -> None:
        self._exchange = exchange
        self._names = names

    async def publish(self, message: Message) -> None:
        await self._exchange.publish(
            aio_pika.Message(
                message.body,
                headers=dict(message.headers),
                content_type=message.headers.get("content-type"),
                delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            ),
            routing_key=f"{self._names.prefix}{message.channel}",
            mandatory=False,
        )


def _message(message: AbstractIncomingMessage, names: BusNames) -> Message:
    headers = {name.lower(): _text(value) for name, value in message.headers.items()}
    if message.content_type:
        headers["content-type"] = message.content_type
    address = names.channel_of(message.routing_key or "", headers)
    return Message(message.body, headers, address)


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _persistent(message: AbstractIncomingMessage, headers: HeadersType) -> aio_pika.Message:
    return aio_pika.Message(
        message.body,
        headers=headers,
        content_type=message.content_type,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
    )


def _without_reason(headers: HeadersType) -> HeadersType:
    # CHANNEL stays: the routing key of a replayed message is the queue's name.
    gone = ("x-death", "x-first-death", "x-last-death", "x-delivery-count", REASON)
    return {name: value for name, value in headers.items() if not name.startswith(gone)}
