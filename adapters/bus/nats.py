"""NATS: a durable consumer of JetStream for the group, an ephemeral one for each replica.

Over nats-py. The stream of the channels' subjects is the service's; if it is missing, it is
declared. The group has a stream of its own, for dead letters and for replayed ones.
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

_CONNECT = 5
"""Seconds that a connection may take."""
_INACTIVE_THRESHOLD = 60.0
"""Seconds after which the server deletes the ephemeral consumer of a replica that has left."""
_REPLAY_INTERVAL = 1.0
"""Seconds between two fetches of replayed dead letters: a person waits for them, no page."""

Subscription = JetStreamContext.PullSubscription


@attrs.frozen
class NatsBus:
    """See `Bus`.

    Args:
        url: nats://, or tls://, with user and password, or a token, before the host.
        names: the prefix of its subjects, and the group.
        ack_timeout: seconds until a message without an acknowledgement goes to another replica.
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
            events = await self._durable(context, stream, self._subjects, self._durable_name)
            replayed = await self._durable(
                context, self._own_name, self.names.replayed, f"{self._own_name}_replayed"
            )
            yield _ConsumerGroup(client, self.names, events, replayed)

    @asynccontextmanager
    async def broadcast(self) -> AsyncIterator[Source]:
        """See `Bus.broadcast`."""
        async with _connected(self.url) as client:
            context = client.jetstream()
            stream = await self._stream(context)
            config = ConsumerConfig(
                deliver_policy=DeliverPolicy.NEW,
                ack_policy=AckPolicy.NONE,
                inactive_threshold=_INACTIVE_THRESHOLD,
            )
            subscription = await context.pull_subscribe(
                self._subjects, stream=stream, config=config
            )
            # After it is closed, the server deletes the consumer by itself.
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
        # NATS before 2.10 has one filter a consumer; messages of other subjects are discarded.
        return f"{self.names.prefix}inventory.*"

    @property
    def _own_name(self) -> str:
        # Neither a stream nor a consumer may have a dot in its name.
        return self.names.own.replace(".", "_")

    @property
    def _durable_name(self) -> str:
        return f"{self._own_name}_work"

    async def _stream(self, context: JetStreamContext) -> str:
        """The stream of the channels' subjects."""
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
            # An acknowledged message is deleted from a work-queue stream.
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
    async def ignore(_error: Exception) -> None:
        """The user of the connection gets the error too."""

    client = await nats.connect(
        url.get_secret_value(),
        connect_timeout=_CONNECT,
        allow_reconnect=False,
        max_reconnect_attempts=1,  # otherwise even the first connection is tried 60 times
        reconnect_time_wait=0,
        error_cb=ignore,
        ping_interval=10,
        max_outstanding_pings=1,
    )
    try:
        yield client
    finally:
        await client.close()


@attrs.frozen
class _Connected:
    client: Client
    names: BusNames

    async def fetched(self, subscription: Subscription, most: int, wait: float) -> list[Msg]:
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
class _ConsumerGroup(_Connected):
    events: Subscription
    replayed: Subscription
    _replayed_at: list[float] = attrs.field(factory=lambda: [float("-inf")])
    """When replayed messages were fetched last; a list, as the class is frozen."""

    async def fetch(self, most: int) -> Sequence[Delivery]:
        now = asyncio.get_running_loop().time()
        msgs: list[Msg] = []
        if now - self._replayed_at[0] >= _REPLAY_INTERVAL:
            self._replayed_at[0] = now
            msgs = await self.fetched(self.replayed, most, 0.05)
        if not msgs:
            msgs = await self.fetched(self.events, most, FETCH_WAIT)
        deliveries: list[Delivery] = []
        for msg in msgs:
            message = self.message(msg)
            if message.channel:
                deliveries.append(self._delivery(msg, message))
            else:
                await msg.ack()
        return deliveries

    def _delivery(self, msg: Msg, message: Message) -> Delivery:
        async def ack() -> None:
            await msg.ack()

        async def dead_letter(reason: str) -> None:
            await self.send(self.names.dead, message, dead_letter_headers(message, reason))
            await msg.ack()

        return Delivery(message, ack, dead_letter, msg.metadata.num_delivered)


@attrs.frozen
class _Broadcast(_Connected):
    subscription: Subscription

    async def fetch(self, most: int) -> Sequence[Delivery]:
        messages = map(self.message, await self.fetched(self.subscription, most, FETCH_WAIT))
        return [Delivery(message, no_ack, discard) for message in messages if message.channel]


@attrs.frozen
class _DeadLetters(_Connected):
    subscription: Subscription
    last: int
    """The last dead letter at the start: later ones are not replayed."""

    async def fetch(self, most: int) -> Sequence[Delivery]:
        deliveries: list[Delivery] = []
        for msg in await self.fetched(self.subscription, most, FETCH_WAIT):
            if msg.metadata.sequence.stream > self.last:
                await msg.nak()
            else:
                deliveries.append(self._delivery(msg))
        return deliveries

    def _delivery(self, msg: Msg) -> Delivery:
        message = self.message(msg)

        async def ack() -> None:
            await self.send(self.names.replayed, message, {REASON: ""})
            await msg.ack_sync()

        return Delivery(message, ack, discard)


@attrs.frozen
class _Publisher:
    context: JetStreamContext
    names: BusNames

    async def publish(self, message: Message) -> None:
        subject = f"{self.names.prefix}{message.channel}"
        await self.context.publish(subject, message.body, headers=dict(message.headers))
