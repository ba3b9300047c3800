"""`product_service`: an aiohttp.web application that embeds shelfport."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime
from time import perf_counter
from uuid import uuid4

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from shelfport.adapters.demo.listing_page import Draft, Entry, Listing, ListingPage
from shelfport.adapters.demo.products import ProductCatalog
from shelfport.adapters.demo.service_control import ServiceControl, ServiceState
from shelfport.adapters.facade.integration import InventoryIntegration
from shelfport.adapters.ops.aiohttp_app import send
from shelfport.adapters.ops.badges import badge
from shelfport.adapters.ops.live import HEADERS, LiveFragments, TooManyStreams
from shelfport.adapters.ops.request import OpsReply
from shelfport.adapters.ops.templates import ASSETS, SECURITY, asset_reply, page_reply
from shelfport.domain.model import (
    MAX_QUANTITY,
    Availability,
    InitializationPolicy,
    InventoryError,
    PermanentlyRejected,
    Queued,
    StockReading,
    variant_id,
)

CORRELATION_ID = "X-Correlation-ID"
LARGEST_FORM = 16_384
_REFRESH_INTERVAL = 0.5
"""Seconds between two lookups of the stock for open pages."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


def product_service(
    inventory: InventoryIntegration,
    products: ProductCatalog,
    *,
    control: ServiceControl | None = None,
    now: Callable[[], datetime] = _utc_now,
    links: Mapping[str, str] | None = None,
) -> web.Application:
    """The application. It opens `inventory` at its start, and closes it at its end.

    - `GET /`: the listing page, 200 also while the Inventory Service fails.
    - `GET /products.json`: the same as data.
    - `POST /products`: a form, or JSON `{"name": …, "initialQuantity": 0}`. 201 (or a redirect to
      the page); 400 if the input is wrong; 503 or 502 if no inventory record was opened.
    - `GET /live`: the changes of the page, as server-sent events.
    - `POST /inventory-service` and `POST /stock`: the buttons, with a `control`.
    - `GET /healthz`: 200 while the process serves; a failing Inventory Service is no reason to
      restart this one.

    Args:
        inventory: not open yet.
        products: the products on sale.
        control: changes the Inventory Service; without it the page has no buttons.
        now: the current instant, aware, for the ages on the page.
        links: further addresses in the page's navigation, by name.
    """
    handlers = _Handlers(inventory, products, control, now, links or {})
    app = web.Application(middlewares=[_same_site_only], client_max_size=LARGEST_FORM)
    app.cleanup_ctx.append(handlers.with_inventory)
    app.router.add_get("/", handlers.show_page)
    app.router.add_get("/live", handlers.show_live)
    for path in ASSETS:
        app.router.add_get(path, handlers.show_asset)
    app.router.add_get("/products.json", handlers.show_data)
    app.router.add_post("/products", handlers.create)
    app.router.add_get("/healthz", handlers.show_health)
    if control is not None:
        app.router.add_post("/inventory-service", handlers.press_button)
        app.router.add_post("/stock", handlers.set_stock)
    app.on_shutdown.append(handlers.close)
    return app


@web.middleware
async def _same_site_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse a POST that another site's page sends through a browser."""
    origin = request.headers.get("Sec-Fetch-Site", "none")
    if request.method == hdrs.METH_POST and origin not in {"none", "same-origin"}:
        return _problem(403, "Requests from other sites are not accepted.")
    return await handler(request)


def _correlation_id(request: web.Request) -> str:
    """The correlation id of the request, or a new one."""
    return request.headers.get(CORRELATION_ID) or uuid4().hex


class _Refused(Exception):
    """The product was not created; the status and the sentence say why."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class _Handlers:
    def __init__(
        self,
        inventory: InventoryIntegration,
        products: ProductCatalog,
        control: ServiceControl | None,
        now: Callable[[], datetime],
        links: Mapping[str, str],
    ) -> None:
        self._inventory = inventory
        self._products = products
        self._control = control
        self._now = now
        self._page = ListingPage(links)
        self._live = LiveFragments(self._fragments, every=_REFRESH_INTERVAL)

    async def close(self, _app: web.Application) -> None:
        self._live.close()

    async def with_inventory(self, _app: web.Application) -> AsyncIterator[None]:
        async with self._inventory:
            yield

    async def show_page(self, request: web.Request) -> web.StreamResponse:
        return await self._listing(request)

    async def show_live(self, request: web.Request) -> web.StreamResponse:
        try:
            stream = self._live.stream()
        except TooManyStreams:
            return _problem(503, "This page is open in too many windows.")
        return await send(request, OpsReply(200, {**SECURITY, **HEADERS}, stream))

    async def show_asset(self, request: web.Request) -> web.StreamResponse:
        reply = asset_reply(request.path)
        assert reply is not None  # noqa: S101 - the routes are those of the assets
        return await send(request, reply)

    async def show_data(self, request: web.Request) -> web.Response:
        products = list(self._products)
        stock = await self._inventory.get_stock_levels(
            [product.variant_id for product in products],
            correlation_id=_correlation_id(request),
        )
        now = self._now()
        return web.json_response(
            {
                "products": [
                    {
                        "name": product.name,
                        "variantId": str(product.variant_id),
                        "stock": _described(stock[product.variant_id], now),
                    }
                    for product in products
                ]
            },
            headers={hdrs.CACHE_CONTROL: "no-store"},
        )

    async def create(self, request: web.Request) -> web.StreamResponse:
        if request.content_type == "application/json":
            try:
                sent = await request.json()
            except ValueError:
                return _problem(400, "The product was not created: the body is not JSON.")
            try:
                made = await self._create(request, sent)
            except _Refused as refusal:
                return _problem(refusal.status, str(refusal))
            return web.json_response(made, status=201)
        form = {k: v for k, v in (await request.post()).items() if isinstance(v, str)}
        try:
            await self._create(request, form)
        except _Refused as refusal:
            keep = form.get("policy") == InitializationPolicy.RETRY_LATER.value
            draft = Draft(form.get("name", ""), form.get("initialQuantity", ""), keep)
            return await self._listing(
                request, status=refusal.status, notice=str(refusal), draft=draft
            )
        # A redirect, so that a reload does not create the product again.
        raise web.HTTPSeeOther("/")

    async def press_button(self, request: web.Request) -> web.Response:
        assert self._control is not None  # noqa: S101 - the route is there only with a control
        wanted = (await request.post()).get("state")
        try:
            self._control.put(ServiceState(wanted))
        except ValueError:
            states = ", ".join(state.value for state in ServiceState)
            return _problem(400, f"The field state must be one of {states}.")
        raise web.HTTPSeeOther("/")

    async def set_stock(self, request: web.Request) -> web.Response:
        assert self._control is not None  # noqa: S101 - as above
        form = await request.post()
        try:
            variant, units = variant_id(str(form.get("variant"))), int(str(form.get("units"))[:20])
            self._control.set_stock(variant, units)
        except ValueError:
            return _problem(400, "The fields must be variant, an id, and units, a whole number.")
        raise web.HTTPSeeOther("/")

    async def show_health(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def _listing(
        self,
        request: web.Request,
        *,
        status: int = 200,
        notice: str | None = None,
        draft: Draft | None = None,
    ) -> web.StreamResponse:
        listing = await self._look_up(_correlation_id(request))
        text = self._page.render(listing, notice=notice, draft=draft)
        return await send(request, page_reply(text, status=status))

    async def _look_up(self, correlation_id: str) -> Listing:
        products = list(self._products)
        began = perf_counter()
        stock = await self._inventory.get_stock_levels(
            [product.variant_id for product in products], correlation_id=correlation_id
        )
        seconds = perf_counter() - began
        now = self._now()
        return Listing(
            entries=[Entry(product, badge(stock[product.variant_id], now)) for product in products],
            seconds=seconds,
            control=self._control is not None,
            state=None if self._control is None else self._control.state,
        )

    async def _fragments(self) -> Mapping[str, str]:
        return self._page.fragments(await self._look_up(uuid4().hex))

    async def _create(self, request: web.Request, sent: object) -> dict[str, str]:
        """Create a product and open its inventory record: both or neither.

        Under RETRY_LATER the product is created, and a worker opens its record later.
        """
        try:
            name, quantity, policy = _new_product(sent)
            with self._products.creating(name) as product:
                outcome = await self._inventory.request_inventory_initialization(
                    product.variant_id,
                    initial_quantity=quantity,
                    policy=policy,
                    correlation_id=_correlation_id(request),
                )
                if isinstance(outcome, PermanentlyRejected):
                    raise outcome.error
        except ValueError as error:
            raise _Refused(400, f"The product was not created: {error}.") from error
        except InventoryError as error:
            again = "; try again in a moment" if error.retryable else ""
            raise _Refused(
                503 if error.retryable else 502,
                f"The product was not created: its inventory record could not be opened{again}.",
            ) from error
        made = {"name": product.name, "variantId": str(product.variant_id)}
        return made | {"inventoryRecord": "queued"} if isinstance(outcome, Queued) else made


def _new_product(sent: object) -> tuple[str, int, InitializationPolicy]:
    """Name, initial quantity and policy out of a form or a JSON document."""
    if not isinstance(sent, Mapping):
        raise ValueError("the body must be an object with a name")
    name, quantity = sent.get("name"), sent.get("initialQuantity", 0)
    if not isinstance(name, str):
        raise ValueError("a product needs a name")
    if isinstance(quantity, str) and quantity.isascii() and quantity.isdigit():
        quantity = int(quantity[:20])
    if not isinstance(quantity, int) or isinstance(quantity, bool):
        raise ValueError("the units in stock must be a whole number")
    if not 0 <= quantity <= MAX_QUANTITY:
        raise ValueError(f"the units in stock must be between 0 and {MAX_QUANTITY}")
    policy = sent.get("policy", InitializationPolicy.ROLL_BACK.value)
    if policy not in ("ROLL_BACK", "RETRY_LATER"):  # a tuple, as `policy` may be unhashable
        raise ValueError("policy must be ROLL_BACK or RETRY_LATER")
    return name, quantity, InitializationPolicy(policy)


def _described(availability: Availability, now: datetime) -> dict[str, object]:
    stock = badge(availability, now)
    described: dict[str, object] = {"badge": stock.kind.value, "text": stock.text}
    if isinstance(availability, StockReading):
        described |= {
            "status": availability.level.status.value,
            "availableQuantity": availability.level.available_quantity,
            "freshness": availability.freshness.value,
            "source": availability.source,
            "asOf": availability.as_of.isoformat(),
            "ageSeconds": round(availability.age(now).total_seconds(), 3),
        }
    return described


def _problem(status: int, sentence: str) -> web.Response:
    """An RFC 9457 problem document without a type of its own."""
    return web.Response(
        body=json.dumps({"status": status, "detail": sentence}).encode(),
        status=status,
        content_type="application/problem+json",
    )
