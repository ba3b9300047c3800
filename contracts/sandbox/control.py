"""The control endpoints, through which a test or a developer controls a running sandbox.

- `GET /_sandbox/health`: 200 `{"status": "ok", "records": n}`.
- `GET /_sandbox/journal`: the journal's entries, oldest first; `DELETE` empties it (204).
- `POST /_sandbox/reset`: restores the state at the start: seeded records, no keys, no faults, an
  empty journal (204).
- `GET /_sandbox/faults`: the current faults; `PUT` replaces all of them, and omitted fields take
  their defaults. Requests that hang are released.
- `PUT /_sandbox/stock/{id}`: `{"availableQuantity": n, "lowStockThreshold"?: n}` sets a variant's
  stock, and opens its record if it has none; 200 with its level.

The faults do not affect these endpoints. They need no token, because a sandbox serves one machine.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from aiohttp import web

from shelfport.adapters.http.wire import Quantity
from shelfport.contracts.sandbox.checks import decode, json_body_of, variant_of
from shelfport.contracts.sandbox.faults import FAULT_RULES, FaultPlan, Faults
from shelfport.contracts.sandbox.journal import Journal
from shelfport.contracts.sandbox.middleware import CONTROL_PREFIX
from shelfport.contracts.sandbox.store import Store
from shelfport.domain.model import MAX_QUANTITY, IdFormat

_UNITS = f"an integer from 0 to {MAX_QUANTITY}"
_STOCK_RULES = {"availableQuantity": _UNITS, "lowStockThreshold": f"null or {_UNITS}"}


class _Stock(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """The body of `PUT /_sandbox/stock/{id}`."""

    available_quantity: Quantity
    low_stock_threshold: Quantity | None = None


class Control:
    """The control endpoints of one sandbox.

    Args:
        store: the records and keys.
        plan: the current faults.
        journal: the requests to the API.
        reset: restores the sandbox's state at its start.
    """

    def __init__(
        self,
        store: Store,
        plan: FaultPlan,
        journal: Journal,
        reset: Callable[[], None],
        id_format: IdFormat,
    ) -> None:
        self._id_format = id_format
        self._store = store
        self._plan = plan
        self._journal = journal
        self._reset_all = reset

    def install(self, app: web.Application) -> None:
        """Add the routes to `app`."""
        add = app.router.add_route
        add("GET", CONTROL_PREFIX + "health", self._health)
        add("GET", CONTROL_PREFIX + "journal", self._get_journal)
        add("DELETE", CONTROL_PREFIX + "journal", self._delete_journal)
        add("POST", CONTROL_PREFIX + "reset", self._reset)
        add("GET", CONTROL_PREFIX + "faults", self._get_faults)
        add("PUT", CONTROL_PREFIX + "faults", self._put_faults)
        add("PUT", CONTROL_PREFIX + "stock/{id:[^/]+}", self._put_stock)

    async def _health(self, _request: web.Request) -> web.Response:
        return _json({"status": "ok", "records": self._store.count()})

    async def _get_journal(self, _request: web.Request) -> web.Response:
        return _json(self._journal.entries)

    async def _delete_journal(self, _request: web.Request) -> web.Response:
        self._journal.clear()
        return web.Response(status=204)

    async def _reset(self, _request: web.Request) -> web.Response:
        self._reset_all()
        return web.Response(status=204)

    async def _get_faults(self, _request: web.Request) -> web.Response:
        return _json(self._plan.current)

    async def _put_faults(self, request: web.Request) -> web.Response:
        self._plan.replace(decode(await json_body_of(request), Faults, FAULT_RULES))
        return _json(self._plan.current)

    async def _put_stock(self, request: web.Request) -> web.Response:
        variant_id = variant_of("id", request.match_info["id"], self._id_format)
        stock = decode(await json_body_of(request), _Stock, _STOCK_RULES)
        return _json(
            self._store.set_stock(variant_id, stock.available_quantity, stock.low_stock_threshold)
        )


def _json(value: Any) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")
