"""The commands below `events`: print the events of the bus, and replay dead letters."""

import asyncio
from pathlib import Path
from typing import Annotated, Final

import msgspec
from cyclopts import App, Parameter, validators

from shelfport.adapters.bus.opening import open_bus
from shelfport.adapters.cli import help  # noqa: A004 - Python's help is not used here
from shelfport.adapters.cli.ids import NamedVariants
from shelfport.adapters.cli.options import (
    Flag,
    SettingsFiles,
    Verbose,
    load_command_settings,
    misuse,
)
from shelfport.adapters.cli.output import SCHEMA, print_line
from shelfport.adapters.cli.running import (
    Exit,
    Misuse,
    print_error,
    run_async,
    until_signalled,
)
from shelfport.adapters.config.settings import Settings
from shelfport.adapters.events.counts import SubscriptionCounts
from shelfport.adapters.events.handler import EventHandler
from shelfport.adapters.events.handler_retry import HandlerRetry, in_a_sentence
from shelfport.adapters.events.notifiers import HEADLINES, RoutingNotifier
from shelfport.adapters.events.service import notifier_of
from shelfport.adapters.events.subscriber import EventSubscriber, Subscription
from shelfport.adapters.events.wire import EVENTS
from shelfport.adapters.runtime.background import Background
from shelfport.adapters.runtime.clock import SystemClock
from shelfport.domain.model import InventoryEvent
from shelfport.domain.model.text import one_line
from shelfport.ports.message_bus import REASON, Bus

EventsUrl = Annotated[
    str | None,
    Parameter(name="--events", help="The bus's address; wins over files and variables."),
]

_FETCH_SIZE = 100
_TYPES = {kind: name for name, kind in EVENTS.items()}

events_app: Final = App(
    name="events",
    help="Print the stock events of a message bus, or replay dead letters.",
    help_epilogue=help.EVENTS,
)


class EventLine(msgspec.Struct, frozen=True, rename="camel"):
    """What `events listen --json` prints of one event, on one line."""

    event_id: str
    """The event's id: the same in all its deliveries."""
    type: str
    """`InventoryOutOfStockEvent`, `InventoryLowStockEvent` or `InventoryBackInStockEvent`."""
    product_variant_id: str
    """The product variant."""
    host_id: str | None
    """The host's own id of it, where it differs."""
    status: str
    """The stock status that the event announces."""
    timestamp: str
    """When the stock changed (RFC 3339)."""
    schema: int = SCHEMA
    """The version of this document."""


@events_app.command(help_epilogue=help.LISTEN)
def listen(
    *,
    events: EventsUrl = None,
    files: SettingsFiles = (),
    consume: Flag = False,
    as_json: Annotated[
        bool,
        Parameter(
            name="--json", negative=(), show_default=False, help="Print a JSON document a line."
        ),
    ] = False,
    verbose: Verbose = False,
) -> int:
    """Print events as they arrive, until Ctrl-C.

    Args:
        consume: Take events from the consumer group, notify the teams and acknowledge them: no
            other member of the group receives those events.
    """
    return run_async(
        lambda: _listen(files, events, consume=consume, as_json=as_json), verbose=verbose
    )


@events_app.command(help_epilogue=help.REPLAY)
def replay(
    *,
    events: EventsUrl = None,
    files: SettingsFiles = (),
    limit: Annotated[int | None, Parameter(validator=validators.Number(gte=1))] = None,
    verbose: Verbose = False,
) -> int:
    """Give dead letters back to the consumer group.

    Args:
        limit: The greatest number of dead letters; default: all that are there now.
    """
    return run_async(lambda: _replay(files, events, limit), verbose=verbose)


def _open_bus(files: tuple[Path, ...], url: str | None) -> tuple[Bus, Settings]:
    with misuse():
        settings = load_command_settings(files, {"events.url": url}).settings
        if settings.events.url is not None:
            return open_bus(settings.events), settings
    raise Misuse(
        "events.url is not set: give --events, or set SHELFPORT_EVENTS_URL, or url under "
        "[shelfport.events] in a settings file"
    )


async def _listen(files: tuple[Path, ...], url: str | None, *, consume: bool, as_json: bool) -> int:
    bus, settings = _open_bus(files, url)
    options, names = settings.events, NamedVariants.of(settings)
    background, retry, counts = Background(), HandlerRetry(options), SubscriptionCounts()
    notifier = notifier_of(settings.notifications)
    handler = EventHandler(None, notifier, SystemClock(), counts, options.dedup_entries)

    async def handle(event: InventoryEvent) -> None:
        if consume:
            await handler.handle(event)
        print_event(event, names.host_id(event.variant_id), as_json=as_json)

    subscription = (
        Subscription("catalog", bus.consumer_group, handle, counts)
        if consume
        else Subscription("invalidation", bus.broadcast, handle, counts)
    )

    async def serve(stop: asyncio.Event) -> None:
        assert isinstance(notifier, RoutingNotifier)  # noqa: S101 - what notifier_of makes
        subscriber = EventSubscriber(
            [subscription], retry, background, SystemClock(), settings.id_format
        )
        async with notifier, background, subscriber:
            report = background.start(_report_connection(bus, counts), "connection state")
            await stop.wait()
            report.cancel()

    return await until_signalled(serve)


async def _report_connection(bus: Bus, counts: SubscriptionCounts) -> None:
    """Report connection and disconnection on stderr: stdout has only the events."""
    reported: tuple[bool, str | None] = (False, None)
    while True:
        state = (counts.connected, counts.trouble)
        if state != reported and (counts.connected or counts.trouble):
            print_error(
                f"listening to {bus.name}; Ctrl-C ends it"
                if counts.connected
                else f"not connected to {bus.name}, retrying: {counts.trouble}"
            )
            reported = state
        await asyncio.sleep(0.1)


async def _replay(files: tuple[Path, ...], url: str | None, limit: int | None) -> int:
    bus, _ = _open_bus(files, url)
    count = 0
    try:
        async with bus.dead_letters() as source:
            while limit is None or count < limit:
                size = _FETCH_SIZE if limit is None else min(_FETCH_SIZE, limit - count)
                deliveries = await source.fetch(size)
                if not deliveries:
                    break
                for delivery in deliveries:
                    await delivery.ack()
                    count += 1
                    reason = delivery.message.headers.get(REASON, "dead-lettered by the bus")
                    print_line(f"replayed: {one_line(reason)}")
    except Exception as error:
        print_error(f"{bus.name}, after {count} dead letters: {in_a_sentence(error)}")
        return Exit.NO
    print_line(f"gave {count} dead letters back to the consumer group")
    return Exit.ANSWERED


def print_event(event: InventoryEvent, host_id: str | None, *, as_json: bool) -> None:
    """Print one event on one line, at once; `host_id` is the host's own id of the variant."""
    line = EventLine(
        str(event.event_id),
        _TYPES[type(event)],
        event.variant_id,
        host_id,
        event.status.value,
        event.occurred_at.isoformat(),
    )
    if as_json:
        print_line(msgspec.json.encode(line).decode())
    else:
        headline = HEADLINES[event.status]
        print_line(f"{line.timestamp}  {headline:<13}  {host_id or event.variant_id}")
