"""The notifiers that come with shelfport, over a real socket."""

import asyncio
import json
import logging

import pytest
from aiohttp import web
from typed_settings import Secret

from shelfport.adapters.events.notification_options import NotificationOptions
from shelfport.adapters.events.notifiers import (
    LogNotifier,
    RoutingNotifier,
    WebhookNotifier,
    WebhookRefused,
)
from shelfport.adapters.events.service import notifier_of
from tests.adapters.events.test_handler import Team
from tests.faults.servers import closed_port
from tests.support.servers import serving
from tests.support.values import BACK, LOW, OUT, an_event, an_id


async def taken(_request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(status=204)


async def test_a_webhook_gets_the_event() -> None:
    """A webhook gets a JSON document with the event's id, also as the idempotency key."""
    event = an_event(OUT, an_id(7))
    async with (
        serving(taken) as service,
        WebhookNotifier(Secret(f"{service.url}/hook?key=1"), 2) as webhook,
    ):
        await webhook.notify(event)
    [request], [body] = service.requests, service.bodies

    assert ("POST", "/hook?key=1") == (request.method, request.raw_path)
    assert str(event.event_id) == request.headers["Idempotency-Key"]
    assert {
        "eventId": str(event.event_id),
        "type": "InventoryOutOfStockEvent",
        "productVariantId": str(event.variant_id),
        "status": "OUT_OF_STOCK",
        "timestamp": "2026-01-01T00:00:00+00:00",
        "text": f"Out of stock: product variant {event.variant_id}",
    } == json.loads(body)


@pytest.mark.parametrize("status", [302, 404, 500])
async def test_a_webhook_that_refuses(status: int) -> None:
    """Any status but 2xx is a failure, a redirect too; the sentence does not quote the URL."""

    async def refuse(_request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    async with (
        serving(refuse) as service,
        WebhookNotifier(Secret(f"{service.url}/secret"), 2) as webhook,
    ):
        with pytest.raises(WebhookRefused, match=f"127.0.0.1 answered {status}$"):
            await webhook.notify(an_event())

    assert 1 == len(service.requests)


async def test_a_webhook_that_hangs_or_is_gone() -> None:
    """A webhook that does not answer in time is a failure; the message has no secret."""

    async def hang(_request: web.BaseRequest) -> web.StreamResponse:
        await asyncio.sleep(5)
        raise AssertionError

    async with serving(hang) as service:
        for url in (f"{service.url}/secret", f"http://127.0.0.1:{closed_port()}/secret"):
            async with WebhookNotifier(Secret(url), 0.05) as webhook:
                with pytest.raises(ConnectionError, match="did not answer") as caught:
                    await webhook.notify(an_event())
                assert "secret" not in str(caught.value) + repr(webhook)


async def test_a_webhook_must_be_open() -> None:
    """Outside `async with` it says so."""
    with pytest.raises(RuntimeError, match="is not open"):
        await WebhookNotifier(Secret("https://hooks"), 1).notify(an_event())


async def test_the_log_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """One INFO record an event, with its ids as fields."""
    caplog.set_level(logging.INFO, "shelfport.events")
    event = an_event(BACK)
    await LogNotifier().notify(event)
    [record] = caplog.records

    assert f"Back in stock: variant {event.variant_id}" in record.getMessage()
    assert str(event.event_id) == record.__dict__["event_id"]


async def test_each_kind_has_its_own_route() -> None:
    """Each event goes to the notifiers of its status, and to no other."""
    buyers, warehouse = Team(), Team()
    routed = RoutingNotifier({OUT.status: [buyers, warehouse], BACK.status: [warehouse]})
    events = [an_event(OUT), an_event(BACK), an_event(LOW)]
    for event in events:
        await routed.notify(event)

    assert ([events[0]], events[:2]) == (buyers.notified, warehouse.notified)


async def test_the_settings_make_the_routes() -> None:
    """The log gets every event, and a webhook the events of its kind."""
    async with serving(taken) as service:
        routed = notifier_of(NotificationOptions(low_stock_webhook=service.url))
        assert isinstance(routed, RoutingNotifier)
        async with routed:
            for kind in (OUT, LOW, BACK):
                await routed.notify(an_event(kind))

    assert [b"LOW_STOCK" in body for body in service.bodies] == [True]
    assert 3 == repr(routed).count("LogNotifier")
