"""A team's webhook that fails, from the bus to the dead letters and back."""

import json
from collections.abc import Sequence
from http import HTTPStatus

from aiohttp import web

from shelfport import Settings, build
from shelfport.adapters.bus.opening import open_bus
from shelfport.adapters.events.notification_options import NotificationOptions
from shelfport.adapters.events.publisher import EventPublisher
from shelfport.options import EventOptions
from tests.adapters.cli.conftest import Ended, _started, ended
from tests.services.events.test_promises import catalog_of, eventually, invalidation_of
from tests.support.catalogs import ShownCatalog
from tests.support.servers import serving
from tests.support.values import OUT, an_event, ids


async def test_a_webhook_that_keeps_failing(options: EventOptions) -> None:
    """It is tried as often as set, then dead-lettered with its reason; a replay delivers it.

    Other events are notified meanwhile; all attempts carry the same id.
    """
    status = HTTPStatus.SERVICE_UNAVAILABLE
    broken, fine = ids(2)

    async def hook(request: web.BaseRequest) -> web.StreamResponse:
        of = json.loads(await request.read())["productVariantId"]
        return web.Response(status=status if of == str(broken) else HTTPStatus.NO_CONTENT)

    failing, other = an_event(OUT, broken), an_event(OUT, fine)
    catalog = ShownCatalog()
    async with serving(hook) as team:
        notifications = NotificationOptions(out_of_stock_webhook=f"{team.url}/secret-path")

        def received() -> Sequence[str]:
            return [json.loads(body)["eventId"] for body in team.bodies]

        async with (
            build(
                Settings(adapter="memory", events=options, notifications=notifications),
                catalog=catalog,
            ) as replica,
            EventPublisher(open_bus(options)) as publisher,
        ):
            await eventually(
                lambda: catalog_of(replica).connected and invalidation_of(replica).connected
            )
            for event in (failing, other):
                await publisher.publish(event)
            await eventually(
                lambda: (1, 1) == (catalog_of(replica).dead_lettered, catalog_of(replica).handled)
            )

            assert options.max_attempts == received().count(str(failing.event_id))
            assert 1 == received().count(str(other.event_id))
            assert {broken: OUT.status, fine: OUT.status} == catalog.shown()

            status = HTTPStatus.NO_CONTENT
            replayed = await replay(options)
            await eventually(lambda: 2 == catalog_of(replica).handled)

    assert (0, "") == (replayed.code, replayed.err)
    reason, count = replayed.out.splitlines()
    assert f"not handled in {options.max_attempts} attempts: WebhookRefused: " in reason
    assert "503" in reason
    assert "secret-path" not in reason
    assert "gave 1 dead letters back to the consumer group" == count
    assert options.max_attempts + 1 == received().count(str(failing.event_id))
    assert 1 == received().count(str(other.event_id))


async def replay(options: EventOptions) -> Ended:
    """`shelfport events replay` in a process of its own."""
    assert options.url is not None
    variables = {
        "SHELFPORT_EVENTS_URL": options.url.get_secret_value(),
        "SHELFPORT_EVENTS_EXCHANGE": options.exchange,
        "SHELFPORT_EVENTS_PREFIX": options.prefix,
        "SHELFPORT_EVENTS_CONSUMER_GROUP": options.consumer_group,
    }
    async with _started("events", "replay", **variables) as process:
        return await ended(process)
