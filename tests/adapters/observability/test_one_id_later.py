"""One correlation id in background work: the queue and events."""

import logging
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import attrs
import pytest
from aiohttp import web
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shelfport import (
    InitializationPolicy,
    InMemoryInventory,
    InventoryIntegration,
    ProductVariantId,
    Queued,
    Settings,
    StockStatus,
    SystemClock,
    build,
    request_context,
)
from shelfport.adapters.bus.in_process import InProcessBus
from shelfport.adapters.events.notification_options import NotificationOptions
from shelfport.adapters.events.publisher import message_of
from shelfport.adapters.queue.sql.database import database
from shelfport.adapters.queue.sql.queue import SqlQueue
from shelfport.adapters.runtime.request_context import ambient
from shelfport.contracts.sandbox import Faults, Sandbox
from shelfport.options import EventOptions, QueueOptions
from shelfport.otel import OpenTelemetry
from shelfport.signals import InitializationDone, InitializationQueued
from tests.support.catalogs import ShownCatalog
from tests.support.listening import Heard
from tests.support.servers import serving
from tests.support.values import BACK, LOW, OUT, an_event, an_id
from tests.support.waiting import until

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Catalog(ShownCatalog):
    """A host's catalog that reads the current request context."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str | None] = []

    async def mark_orderable(self, variant: ProductVariantId) -> None:
        self.ids.append(ambient()[0])

    async def mark_not_orderable(self, variant: ProductVariantId) -> None:
        self.ids.append(ambient()[0])

    async def show_status(
        self, variant: ProductVariantId, status: StockStatus, as_of: datetime
    ) -> None:
        self.ids.append(ambient()[0])
        await super().show_status(variant, status, as_of)


def ids_on(records: Iterable[logging.LogRecord], *events: str) -> list[object]:
    """The correlation ids of the records of `events`."""
    return [
        vars(record)["correlation_id"]
        for record in records
        if vars(record).get("event") in events and record.name.startswith("shelfport")
    ]


@pytest.mark.parametrize("given", ["page-17", None])
async def test_the_queue_across_a_restart(
    given: str | None,
    sandbox: Sandbox,
    settings: Settings,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The id is in the entry and the file; another worker's requests, records and spans bear it."""
    caplog.set_level(logging.DEBUG, "shelfport")
    url = f"sqlite:///{tmp_path}/queue.db"
    queue = QueueOptions(url=url, worker=False, poll_interval=0.05, base_delay=0.01)
    asleep = attrs.evolve(settings, queue=queue)
    first, second, catalog = Heard(), Heard(), Catalog()
    sandbox.faults = Faults(mode="down")
    with request_context(correlation_id=given, traceparent=TRACE):
        async with build(asleep, catalog=catalog, listener=first) as inventory:
            outcome = await inventory.request_inventory_initialization(
                an_id(3), policy=InitializationPolicy.NOT_ORDERABLE
            )
    assert isinstance(outcome, Queued)
    [the_id] = {entry.correlation_id for entry in sandbox.journal}
    assert the_id
    assert given in (None, the_id)
    assert [the_id] == [signal.entry.correlation_id for signal in first.of(InitializationQueued)]
    async with SqlQueue(database(url)) as stored:
        assert [(the_id, TRACE)] == [
            (entry.correlation_id, entry.traceparent) for entry in await stored.entries()
        ]

    sandbox.faults = Faults()
    sandbox.clear_journal()
    caplog.clear()
    spans, tracers = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    awake = attrs.evolve(settings, queue=attrs.evolve(queue, worker=True))
    async with build(
        awake,
        catalog=catalog,
        listener=second,
        telemetry=[OpenTelemetry(tracer_provider=tracers)],
    ):
        await until(lambda: second.of(InitializationDone))
    tracers.shutdown()

    assert [the_id, the_id] == catalog.ids
    assert {the_id} == {entry.correlation_id for entry in sandbox.journal}
    assert {the_id} == set(ids_on(caplog.records, "inventory.call"))
    assert [the_id] == ids_on(caplog.records, "inventory.initialization")
    told = [(span.attributes or {}, span.parent) for span in spans.get_finished_spans()]
    assert {the_id} == {attributes["shelfport.correlation_id"] for attributes, _ in told}
    assert {TRACE[3:35]} == {f"{parent.trace_id:032x}" for _, parent in told if parent}


def test_an_entry_for_the_hosts_own_transaction(settings: Settings, tmp_path: Path) -> None:
    """An entry that a host stores by itself has an id as well, without one of the host's."""
    queue = QueueOptions(url=f"sqlite:///{tmp_path}/queue.db")
    inventory = build(attrs.evolve(settings, queue=queue))

    made = [inventory.initialization_entry(an_id(n)).correlation_id for n in (1, 2)]

    assert all(made)
    assert 2 == len(set(made))


async def test_many_variants_of_one_product(sandbox: Sandbox, settings: Settings) -> None:
    """The requests of one call for many variants go by one id, which is made where none came."""
    async with build(settings) as inventory:
        await inventory.request_inventory_initializations([an_id(n) for n in (3, 4, 5)])

    assert 3 == len(sandbox.journal)
    assert 1 == len({entry.correlation_id for entry in sandbox.journal})


@attrs.frozen
class Shop:
    """A host that hears of events, and whose team has a webhook."""

    hook: str
    bus: InProcessBus = attrs.field(factory=InProcessBus)
    catalog: Catalog = attrs.field(factory=Catalog)

    def open(self, cooldown: float = 0.0) -> InventoryIntegration:
        settings = Settings(
            events=EventOptions(max_attempts=2, base_delay=0.01),
            notifications=NotificationOptions(cooldown=cooldown, out_of_stock_webhook=self.hook),
        )
        return build(
            settings,
            adapter=InMemoryInventory(clock=SystemClock()),
            catalog=self.catalog,
            bus=self.bus,
        )


async def fine(_request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(status=204)


@pytest.mark.parametrize("sent", ["order-7", "order-7\r\n\x1b[31m", None])
async def test_an_event_that_is_handled(sent: str | None, caplog: pytest.LogCaptureFixture) -> None:
    """Catalog, webhook and records have the event's id, cleaned; without one, its `eventId`."""
    caplog.set_level(logging.DEBUG, "shelfport")
    event = an_event(OUT, an_id(1))
    message = message_of(event)
    if sent is not None:
        message = attrs.evolve(message, headers={**message.headers, "x-correlation-id": sent})
    expected = {"order-7": "order-7", None: str(event.event_id)}.get(sent, "order-7[31m")
    async with serving(fine) as team:
        shop = Shop(f"{team.url}/hook")
        async with shop.open():
            await shop.bus.publish(message)
            await until(lambda: team.requests)
            await until(lambda: ids_on(caplog.records, "inventory.stock_event"))

    assert [expected] == shop.catalog.ids
    assert [expected] == [request.headers["X-Correlation-ID"] for request in team.requests]
    assert [expected] == ids_on(caplog.records, "inventory.stock_event")


async def test_an_event_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    """The records of retries and of the dead letter have the event's id."""
    caplog.set_level(logging.DEBUG, "shelfport")
    message = message_of(an_event(OUT, an_id(1)))
    headers = {**message.headers, "x-correlation-id": "order-7"}
    shop = Shop("http://127.0.0.1:9/hook")
    shop.catalog.refused.add(an_id(1))
    async with shop.open():
        await shop.bus.publish(attrs.evolve(message, headers=headers))
        await until(lambda: ids_on(caplog.records, "inventory.dead_letter"))

    assert ["order-7"] == ids_on(caplog.records, "inventory.event_retry")
    assert ["order-7"] == ids_on(caplog.records, "inventory.dead_letter")


async def test_the_last_word_on_a_variant(caplog: pytest.LogCaptureFixture) -> None:
    """A notification after the cooldown has the id of its own event, not of the first one."""
    caplog.set_level(logging.DEBUG, "shelfport")
    async with serving(fine) as team:
        shop = Shop(f"{team.url}/hook")
        async with shop.open(cooldown=0.2):
            for number, kind in enumerate((OUT, LOW, BACK)):
                message = message_of(an_event(kind, an_id(1), at=number))
                headers = {**message.headers, "x-correlation-id": f"order-{number}"}
                await shop.bus.publish(attrs.evolve(message, headers=headers))
            await until(lambda: len(ids_on(caplog.records, "inventory.stock_event")) == 2)

    assert ["order-0", "order-2"] == ids_on(caplog.records, "inventory.stock_event")
