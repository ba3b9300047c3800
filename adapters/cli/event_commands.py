"""`events listen` and `events replay`: the bus, from a terminal."""

import asyncio
from pathlib import Path

import msgspec

from shelfport.adapters.bus.opening import open_bus
from shelfport.adapters.cli.options import load_given, misuse
from shelfport.adapters.cli.running import Exit, Misuse, complain, until_signalled
from shelfport.adapters.config.settings import Settings
from shelfport.adapters.events.counts import SubscriptionCounts
from shelfport.adapters.events.handler_retry import HandlerRetry, in_a_sentence
from shelfport.adapters.events.handling import EventHandling
from shelfport.adapters.events.notifiers import HEADLINES, Routed
from shelfport.adapters.events.service import notifier_of
from shelfport.adapters.events.subscriber import EventSubscriber, Subscription
from shelfport.adapters.events.wire import EVENTS
from shelfport.adapters.runtime.background import Background
from shelfport.adapters.runtime.clock import SystemClock
from shelfport.domain.model import InventoryEvent
from shelfport.domain.model.text import one_line
from shelfport.ports.message_bus import REASON, Bus

_AT_ONCE = 100
_TYPES = {kind: name for name, kind in EVENTS.items()}


class EventLine(msgspec.Struct, frozen=True, rename="camel"):
    """What `events listen --json` prints of one event, on one line."""

    event_id: str
    type: str
    product_variant_id: str
    status: str
    timestamp: str
    schema: int = 1


def given_bus(files: tuple[Path, ...], url: str | None) -> tuple[Bus, Settings]:
    """The bus that the settings, or `--events`, name.

    Raises:
        Misuse: they name none, or one whose extra is not installed.
    """
    with misuse():
        settings = load_given(files, {"events.url": url}).settings
        if settings.events.url is not None:
            return open_bus(settings.events), settings
    raise Misuse(
        "where is the bus? Give --events, or set SHELFPORT_EVENTS_URL, or url under "
        "[shelfport.events] in a settings file"
    )


async def listen(*, files: tuple[Path, ...], url: str | None, work: bool, as_json: bool) -> int:
    """Print events as they come, until Ctrl-C; with `work`, handle those of the work queue."""
    bus, settings = given_bus(files, url)
    options = settings.events
    background, attempts, counts = Background(), HandlerRetry(options), SubscriptionCounts()
    notifier = notifier_of(settings.notifications)
    handling = EventHandling(None, notifier, SystemClock(), counts, options.dedup_entries)

    async def handle(event: InventoryEvent) -> None:
        if work:
            await handling.handle(event)
        say(event, as_json=as_json)

    opened = bus.consumer_group if work else bus.broadcast
    subscription = Subscription("catalog" if work else "invalidation", opened, handle, counts)

    async def serve(stop: asyncio.Event) -> None:
        assert isinstance(notifier, Routed)  # noqa: S101 - what notifier_of makes
        subscriber = EventSubscriber([subscription], attempts, background, SystemClock())
        async with notifier, background, subscriber:
            tell = background.start(_tell_state(bus, counts), "connection state")
            await stop.wait()
            tell.cancel()

    return await until_signalled(serve)


async def _tell_state(bus: Bus, counts: SubscriptionCounts) -> None:
    """Say on stderr when the bus comes and goes: stdout has the events alone."""
    said: tuple[bool, str | None] = (False, None)
    while True:
        state = (counts.connected, counts.trouble)
        if state != said and (counts.connected or counts.trouble):
            complain(
                f"listening to {bus.name}; Ctrl-C ends it"
                if counts.connected
                else f"{bus.name} is away, and tried again: {counts.trouble}"
            )
            said = state
        await asyncio.sleep(0.1)


async def replay(*, files: tuple[Path, ...], url: str | None, most: int | None) -> int:
    """Put dead letters back into the work queue, and say of each why it was dead."""
    bus, _ = given_bus(files, url)
    count = 0
    try:
        async with bus.dead_letters() as source:
            while most is None or count < most:
                left = _AT_ONCE if most is None else min(_AT_ONCE, most - count)
                deliveries = await source.fetch(left)
                if not deliveries:
                    break
                for delivery in deliveries:
                    await delivery.done()
                    count += 1
                    reason = delivery.message.headers.get(REASON, "given up by the bus")
                    print(f"replayed: {one_line(reason)}", flush=True)
    except Exception as error:
        complain(f"{bus.name}, after {count} dead letters: {in_a_sentence(error)}")
        return Exit.NO
    print(f"{count} dead letters are in the work queue again", flush=True)
    return Exit.ANSWERED


def say(event: InventoryEvent, *, as_json: bool) -> None:
    """Print one event on one line, at once."""
    line = EventLine(
        str(event.event_id),
        _TYPES[type(event)],
        str(event.variant_id),
        event.status.value,
        event.occurred_at.isoformat(),
    )
    if as_json:
        print(msgspec.json.encode(line).decode(), flush=True)
    else:
        headline = HEADLINES[event.status]
        print(f"{line.timestamp}  {headline:<13}  {line.product_variant_id}", flush=True)
