"""The Product Service: an aiohttp.web application that embeds shelfport."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime
from time import perf_counter

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from shelfport.adapters.demo.badges import badge
from shelfport.adapters.demo.catalogue import Catalogue
from shelfport.adapters.demo.control import ServiceControl, ServiceState
from shelfport.adapters.demo.page import Draft, Listing, ListingPage
from shelfport.adapters.integration import InventoryIntegration
from shelfport.domain.model import MAX_QUANTITY, Availability, InventoryError, StockReading

CORRELATION_ID = "X-Correlation-ID"
LARGEST_FORM = 16_384


def _utc_now() -> datetime:
    return datetime.now(UTC)


def product_service(
    inventory: InventoryIntegration,
    products: Catalogue,
    *,
    control: ServiceControl | None = None,
    now: Callable[[], datetime] = _utc_now,
) -> web.Application:
    """The application, ready to be served; `inventory` is opened and closed with it.

    - `GET /`: the listing page, 200 whatever the Inventory Service does.
    - `GET /products.json`: the same as data.
    - `POST /products`: a form, or JSON `{"name": …, "initialQuantity": 0}`. 201 (or back to the
      page); 400 where the input is wrong; 503 or 502 where no inventory record was opened.
    - `POST /inventory-service`: the buttons, where there is a `control`.
    - `GET /healthz`: 200 while the process serves; a broken Inventory Service is no reason to
      restart this one.

    Args:
        inventory: not open yet.
        products: what is on sale.
        control: lets the page break the Inventory Service; without it there are no buttons.
        now: the current instant, aware, for the ages on the page.
    """
    handlers = _Handlers(inventory, products, control, now)
    app = web.Application(middlewares=[_same_site_only], client_max_size=LARGEST_FORM)
    app.cleanup_ctx.append(handlers.with_inventory)
    app.router.add_get("/", handlers.show_page)
    app.router.add_get("/products.json", handlers.show_data)
    app.router.add_post("/products", handlers.create)
    app.router.add_get("/healthz", handlers.show_health)
    if control is not None:
        app.router.add_post("/inventory-service", handlers.press_button)
    return app


@web.middleware
async def _same_site_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse a POST that another site's page sends through the browser of whoever runs this."""
    origin = request.headers.get("Sec-Fetch-Site", "none")
    if request.method == hdrs.METH_POST and origin not in {"none", "same-origin"}:
        return _problem(403, "Requests from other sites are not accepted.")
    return await handler(request)


class _Refused(Exception):
    """The product was not created; the status and the sentence say why."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class _Handlers:
    def __init__(
        self,
        inventory: InventoryIntegration,
        products: Catalogue,
        control: ServiceControl | None,
        now: Callable[[], datetime],
    ) -> None:
        self._inventory = inventory
        self._products = products
        self._control = control
        self._now = now
        self._page = ListingPage()

    async def with_inventory(self, _app: web.Application) -> AsyncIterator[None]:
        async with self._inventory:
            yield

    async def show_page(self, request: web.Request) -> web.Response:
        return await self._listing(request)

    async def show_data(self, request: web.Request) -> web.Response:
        products = list(self._products)
        stock = await self._inventory.get_stock_levels(
            [product.variant_id for product in products],
            correlation_id=request.headers.get(CORRELATION_ID),
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

    async def create(self, request: web.Request) -> web.Response:
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
            draft = Draft(form.get("name", ""), form.get("initialQuantity", ""))
            return await self._listing(
                request, status=refusal.status, notice=str(refusal), draft=draft
            )
        # Back to the page by GET, so that a reload creates nothing again.
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

    async def show_health(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def _listing(
        self,
        request: web.Request,
        *,
        status: int = 200,
        notice: str | None = None,
        draft: Draft | None = None,
    ) -> web.Response:
        products = list(self._products)
        began = perf_counter()
        stock = await self._inventory.get_stock_levels(
            [product.variant_id for product in products],
            correlation_id=request.headers.get(CORRELATION_ID),
        )
        seconds = perf_counter() - began
        now = self._now()
        listing = Listing(
            entries=[(product, badge(stock[product.variant_id], now)) for product in products],
            seconds=seconds,
            notice=notice,
            draft=draft or Draft(),
            control=self._control is not None,
            state=None if self._control is None else self._control.state,
        )
        return web.Response(
            text=self._page.render(listing),
            status=status,
            content_type="text/html",
            headers=self._page.headers,
        )

    async def _create(self, request: web.Request, sent: object) -> dict[str, str]:
        """Create a product and open its inventory record: both, or neither (R4, R20)."""
        try:
            name, quantity = _new_product(sent)
            with self._products.creating(name) as product:
                await self._inventory.request_inventory_initialization(
                    product.variant_id,
                    initial_quantity=quantity,
                    correlation_id=request.headers.get(CORRELATION_ID),
                )
        except ValueError as error:
            raise _Refused(400, f"The product was not created: {error}.") from error
        except InventoryError as error:
            again = "; try again in a moment" if error.retryable else ""
            raise _Refused(
                503 if error.retryable else 502,
                f"The product was not created, as its inventory record could not be opened{again}.",
            ) from error
        return {"name": product.name, "variantId": str(product.variant_id)}


def _new_product(sent: object) -> tuple[str, int]:
    """The name and the initial quantity out of a form or a JSON document."""
    if not isinstance(sent, Mapping):
        raise ValueError("an object with a name is needed")
    name, quantity = sent.get("name"), sent.get("initialQuantity", 0)
    if not isinstance(name, str):
        raise ValueError("a product needs a name")
    if isinstance(quantity, str) and quantity.isascii() and quantity.isdigit():
        quantity = int(quantity[:20])
    if not isinstance(quantity, int) or isinstance(quantity, bool):
        raise ValueError("the units in stock must be a whole number")
    if not 0 <= quantity <= MAX_QUANTITY:
        raise ValueError(f"the units in stock must be between 0 and {MAX_QUANTITY}")
    return name, quantity


def _described(availability: Availability, now: datetime) -> dict[str, object]:
    shown = badge(availability, now)
    described: dict[str, object] = {"badge": shown.kind.value, "text": shown.text}
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
