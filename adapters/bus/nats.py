"""NATS: a durable consumer of JetStream for the group, an ephemeral one for each replica.

Over nats-py. The stream of the channels' subjects is the service's, and declared if it is missing.
The group has a stream of its own for dead letters and for what comes back from them.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import attrs
import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, RetentionPolicy, StreamConfig
from nats.js.errors import NotFoundError
from typed_settings import Secret

from shelfport.adapters.events.names import BusNames
from shelfport.adapters.runtime.secret_address import as_secret, place_of
from shelfport.ports.message_bus import (
    FETCH_WAIT,
    REASON,
    Delivery,
    Message,
    Publisher,
    Source,
    dead_letter_headers,
    discard,
    nothing,
)

_CONNECT = 5
"""Seconds that a connection may take."""
_FORGOTTEN = 60.0
"""Seconds after which the server forgets the ephemeral consumer of a replica that is gone."""
_RARE = 1.0
"""Seconds between two looks for what came back from the dead: a person waits for it, no page."""

Subscription = JetStreamContext.PullSubscription


@attrs.frozen
class NatsBus:
    """See `Bus`.

    Args:
        url: nats://, or tls://, with user and password, or a token, before the host.
        names: the prefix of its subjects, and the group.
        ack_timeout: seconds until another replica gets what one took and did not finish.
    """

    url: Secret[str] = attrs.field(converter=as_secret)
    names: BusNames
    ack_timeout: float

    @property
    def name(self) -> str:
        """See `Bus.name`."""
        return f"NATS at {place_of(self.url, 4222)}"

    @asynccontextmanager
    async def consumer_group(self) -> AsyncIterator[Source]:
        """See `Bus.consumer_group`."""
        async with _connected(self.url) as client:
            context = client.jetstream()
            stream = await self._stream(context)
            await self._own_stream(context)
            announced = await self._durable(context, stream, self._subjects, self._durable_name)
            replayed = await self._durable(
                context, self._own_name, self.names.replayed, f"{self._own_name}_replayed"
            )
            yield _Work(client, self.names, announced, replayed)

    @asynccontextmanager
    async def broadcast(self) -> AsyncIterator[Source]:
        """See `Bus.broadcast`."""
        async with _connected(self.url) as client:
            context = client.jetstream()
            stream = await self._stream(context)
            config = ConsumerConfig(
                deliver_policy=DeliverPolicy.NEW,
                ack_policy=AckPolicy.NONE,
                inactive_threshold=_FORGOTTEN,
            )
            subscription = await context.pull_subscribe(
                self._subjects, stream=stream, config=config
            )
            # When it is closed, the server forgets the consumer by itself.
            yield _Broadcast(client, self.names, subscription)

    @asynccontextmanager
    async def dead_letters(self) -> AsyncIterator[Source]:
        """See `Bus.dead_letters`."""
        async with _connected(self.url) as client:
            context = client.jetstream()
            await self._own_stream(context)
            last = (await context.stream_info(self._own_name)).state.last_seq
            subscription = await self._durable(
                context, self._own_name, self.names.dead, f"{self._own_name}_dead"
            )
            yield _DeadLetters(client, self.names, subscription, last)

    @asynccontextmanager
    async def publisher(self) -> AsyncIterator[Publisher]:
        """See `Bus.publisher`."""
        async with _connected(self.url) as client:
            context = client.jetstream()
            await self._stream(context)
            yield _Publisher(context, self.names)

    @property
    def _subjects(self) -> str:
        # NATS before 2.10 knows one filter a consumer; what else it lets through is passed over.
        return f"{self.names.prefix}inventory.*"

    @property
    def _own_name(self) -> str:
        # Neither a stream nor a consumer may have a dot in its name.
        return self.names.own.replace(".", "_")

    @property
    def _durable_name(self) -> str:
        return f"{self._own_name}_work"

    async def _stream(self, context: JetStreamContext) -> str:
        """The stream that keeps the channels' subjects."""
        subjects = list(self.names.channels)
        try:
            return await context.find_stream_name_by_subject(subjects[0])
        except NotFoundError:
            name = f"{self.names.prefix}inventory".replace(".", "_")
            await context.add_stream(StreamConfig(name=name, subjects=subjects))
            return name

    async def _own_stream(self, context: JetStreamContext) -> None:
        subjects = [self.names.dead, self.names.replayed]
        try:
            await context.stream_info(self._own_name)
        except NotFoundError:
            # What is acknowledged in a work-queue stream is gone from it.
            await context.add_stream(
                StreamConfig(
                    name=self._own_name, subjects=subjects, retention=RetentionPolicy.WORK_QUEUE
                )
            )

    async def _durable(
        self, context: JetStreamContext, stream: str, subject: str, durable: str
    ) -> Subscription:
        config = ConsumerConfig(
            deliver_policy=DeliverPolicy.ALL,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=self.ack_timeout,
            max_ack_pending=10_000,
        )
        return await context.pull_subscribe(subject, durable=durable, stream=stream, config=config)


@asynccontextmanager
async def _connected(url: Secret[str]) -> AsyncIterator[Client]:
    async def unlogged(_error: Exception) -> None:
        """Whoever uses the connection gets the error as well."""

    client = await nats.connect(
        url.get_secret_value(),
        connect_timeout=_CONNECT,
        allow_reconnect=False,
        max_reconnect_attempts=1,  # otherwise even the first connection is tried 60 times
        reconnect_time_wait=0,
        error_cb=unlogged,
        ping_interval=10,
        max_outstanding_pings=1,
    )
    try:
        yield client
    finally:
        await client.close()


@attrs.frozen
class _Open:
    client: Client
    names: BusNames

    async def came(self, subscription: Subscription, most: int, wait: float) -> list[Msg]:
        """Up to `most` messages."""
        if not self.client.is_connected:
            raise ConnectionError("NATS closed the connection")
        try:
            return await subscription.fetch(most, timeout=wait)
        except TimeoutError:
            return []

    def message(self, msg: Msg) -> Message:
        headers = {name.lower(): value for name, value in (msg.headers or {}).items()}
        address = self.names.channel_of(msg.subject, headers)
        return Message(msg.data, headers, address)

    async def send(self, subject: str, message: Message, headers: Mapping[str, str]) -> None:
        context = self.client.jetstream()
        await context.publish(subject, message.body, headers={**message.headers, **headers})


@attrs.frozen
class _Work(_Open):
    announced: Subscription
    replayed: Subscription
    _looked: list[float] = attrs.field(factory=lambda: [float("-inf")])

    async def fetch(self, most: int) -> Sequence[Delivery]:
        now = asyncio.get_running_loop().time()
        came: list[Msg] = []
        if now - self._looked[0] >= _RARE:
            self._looked[0] = now
            came = await self.came(self.replayed, most, 0.05)
        if not came:
            came = await self.came(self.announced, most, FETCH_WAIT)
        deliveries: list[Delivery] = []
        for msg in came:
            message = self.message(msg)
            if message.channel:
                deliveries.append(self._delivery(msg, message))
            else:
                await msg.ack()
        return deliveries

    def _delivery(self, msg: Msg, message: Message) -> Delivery:
        async def done() -> None:
            await msg.ack()

        async def dead(reason: str) -> None:
            await self.send(self.names.dead, message, dead_letter_headers(message, reason))
            await msg.ack()

        return Delivery(message, done, dead, msg.metadata.num_delivered)


@attrs.frozen
class _Broadcast(_Open):
    subscription: Subscription

    async def fetch(self, most: int) -> Sequence[Delivery]:
        came = map(self.message, await self.came(self.subscription, most, FETCH_WAIT))
        return [Delivery(message, nothing, discard) for message in came if message.channel]


@attrs.frozen
class _DeadLetters(_Open):
    subscription: Subscription
    last: int
    """The last letter that was there at the start: what dies again meanwhile stays."""

    async def fetch(self, most: int) -> Sequence[Delivery]:
        deliveries: list[Delivery] = []
        for msg in await self.came(self.subscription, most, FETCH_WAIT):
            if msg.metadata.sequence.stream > self.last:
                await msg.nak()
            else:
                deliveries.append(self._delivery(msg))
        return deliveries

    def _delivery(self, msg: Msg) -> Delivery:
        message = self.message(msg)

        async def done() -> None:
            await self.send(self.names.replayed, message, {REASON: ""})
            await msg.ack_sync()

        return Delivery(message, done, discard)


@attrs.frozen
class _Publisher:
    context: JetStreamContext
    names: BusNames

    async def publish(self, message: Message) -> None:
        subject = f"{self.names.prefix}{message.channel}"
        await self.context.publish(subject, message.body, headers=dict(message.headers))
