"""`Sandbox`: the server that a test, the demo or the command line runs."""

import errno
import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web

from shelfport.adapters.http.wire import InventoryStockLevelBody
from shelfport.contracts.sandbox.api import Api
from shelfport.contracts.sandbox.checks import MAX_BODY_BYTES
from shelfport.contracts.sandbox.control import Control
from shelfport.contracts.sandbox.faults import FaultPlan, Faults
from shelfport.contracts.sandbox.journal import Journal, JournalEntry
from shelfport.contracts.sandbox.ledger import Ledger, Opening
from shelfport.contracts.sandbox.middleware import SandboxMiddleware
from shelfport.contracts.sandbox.provider_states import MESSAGES_PATH, STATES_PATH, PactEndpoints
from shelfport.contracts.sandbox.stock_events import PublishEvent, StockEvents
from shelfport.contracts.sandbox.store import SeedRecord, Store
from shelfport.domain.model import IdFormat, ProductVariantId

_MAX_LINE_BYTES = 64 * 1024
"""Above the contract's limits, so that longer requests get the contract's problem document."""

_SHUTDOWN_TIMEOUT = 0.02
"""Seconds that running requests get at shutdown: enough for a request that does not hang."""


class CannotListen(OSError):
    """The sandbox cannot listen on its address; the message is one sentence."""

    def __init__(self, code: int | None, message: str) -> None:
        super().__init__(message)
        self.errno = code


class Sandbox:
    """A stateful Inventory Service that keeps inventory-service.yaml.

    It holds records, remembers idempotency keys, keeps a journal of its requests, and injects
    faults on demand. Use it from one event loop::

        async with Sandbox(seed=seed_records()) as sandbox:
            sandbox.faults = Faults(mode="down", times=2)
            ...  # talk to sandbox.url
            assert sandbox.requests("GET") == 3

    Args:
        store_path: a database file that survives restarts; None keeps everything in memory until
            the sandbox stops.
        seed: records that exist from the start. Records that the file already has stay.
        port: the TCP port; 0 takes a free one.
        host: the address to listen on.
        token: the bearer token that every API request must carry; None accepts every request.
        clock: the current instant, aware; dates the journal and `updatedAt`.
        ledger: accept every key, so that `openings` shows a second record of a variant. A test can
            prove with it that a client opens exactly one. It breaks the contract on purpose.
        id_format: what the ids of variants look like; `IdFormat.TEXT` for a service with SKUs.
        publish: publishes an event to the message bus; None publishes no events. The sandbox
            calls it for one event after the other, in order, and repeats a call that raised.
    """

    def __init__(
        self,
        *,
        store_path: Path | None = None,
        seed: Iterable[SeedRecord] = (),
        port: int = 0,
        host: str = "127.0.0.1",
        token: str | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        ledger: bool = False,
        id_format: IdFormat = IdFormat.UUID,
        publish: PublishEvent | None = None,
    ) -> None:
        if token == "":
            raise ValueError("token is empty: give a token, or None")
        self._seed = tuple(seed)
        self._host = host
        self._port = port
        self._token = token
        self._id_format = id_format
        self._clock = clock
        self._plan = FaultPlan()
        self._journal = Journal(clock)
        self._events = StockEvents(publish)
        publish_change = self._events.publish
        self._ledger = Ledger(store_path, clock, publish_change) if ledger else None
        self._store: Store = self._ledger or Store(store_path, clock, publish_change)
        self._api: Api | None = None
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        """Open the store and start to listen.

        Raises:
            CannotListen: the port is taken, or the address is not this machine's.
            RuntimeError: it is running already.
            ValueError: the store's file cannot be opened, or is not a sandbox store.
        """
        if self._runner is not None:
            raise RuntimeError("the sandbox is running already")
        self._store.open()
        try:
            self._store.seed(self._seed)
            self._events.start()
            await self._listen()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop at once: hung requests are cut off. Journal and faults can still be read."""
        await self._stop()

    async def _listen(self) -> None:
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        SandboxMiddleware(self._plan, self._journal).install(app)
        self._api = Api(self._store, self._token, self._id_format)
        self._api.install(app)
        Control(self._store, self._plan, self._journal, self.reset, self._id_format).install(app)
        PactEndpoints(
            self._store,
            self._plan,
            self._api,
            self.reset,
            self._clock,
            id_format=self._id_format,
        ).install(app)
        self._runner = web.AppRunner(
            app,
            access_log=None,
            handler_cancellation=True,  # a request that hangs ends when its client leaves
            max_line_size=_MAX_LINE_BYTES,
            max_field_size=_MAX_LINE_BYTES,
            shutdown_timeout=_SHUTDOWN_TIMEOUT,
        )
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError as error:
            raise _cannot_listen(error, self._host, self._port) from error

    async def _stop(self) -> None:
        runner, self._runner = self._runner, None
        api, self._api = self._api, None
        try:
            if runner is not None:
                await runner.cleanup()
            if api is not None:
                await api.close()
            await self._events.close()
        finally:
            self._store.close()

    @property
    def url(self) -> str:
        """The base URL, without a slash at the end.

        Raises:
            RuntimeError: the sandbox is not running.
        """
        if self._runner is None or not self._runner.addresses:
            raise RuntimeError("the sandbox is not running: enter it with 'async with' first")
        host, port = self._runner.addresses[0][:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    @property
    def states_url(self) -> str:
        """The address at which a verifier sets provider states (docs/contracts.md)."""
        return self.url + STATES_PATH

    @property
    def messages_url(self) -> str:
        """The address at which a verifier requests events (docs/contracts.md)."""
        return self.url + MESSAGES_PATH

    @property
    def faults(self) -> Faults:
        """The current faults; `times` is the number of requests that are left. Settable."""
        return self._plan.current

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self._plan.replace(faults)

    @property
    def journal(self) -> list[JournalEntry]:
        """The last 10,000 requests to the API, oldest first."""
        return self._journal.entries

    def clear_journal(self) -> None:
        """Remove every entry of the journal."""
        self._journal.clear()

    def requests(self, method: str | None = None, path: str | None = None) -> int:
        """How many requests of the journal have this method and path; None matches any."""
        return sum(
            method in (None, entry.method) and path in (None, entry.path)
            for entry in self._journal.entries
        )

    def set_stock(
        self,
        variant_id: ProductVariantId,
        quantity: int,
        low_stock_threshold: int | None = None,
    ) -> InventoryStockLevelBody:
        """Set a variant's stock, and open its record if it has none.

        Args:
            variant_id: the variant.
            quantity: units that can be sold, 0 to 2147483647.
            low_stock_threshold: units at which the stock is low; None keeps the record's.

        Raises:
            RuntimeError: the sandbox is not running.
            ValueError: a number is not a valid number of units.
        """
        return self._store.set_stock(variant_id, quantity, low_stock_threshold)

    @property
    def openings(self) -> list[Opening]:
        """Every record that a key opened, oldest first, with second records of a variant.

        Raises:
            RuntimeError: the sandbox is not running, or was made without `ledger=True`.
        """
        if self._ledger is None:
            raise RuntimeError("this sandbox does not record openings: make it with ledger=True")
        return self._ledger.openings()

    def reset(self) -> None:
        """Restore the state at the start: seeded records, no keys, no faults, an empty journal.

        Raises:
            RuntimeError: the sandbox is not running.
        """
        self._store.seed(self._seed, wipe=True)
        self._plan.replace(Faults())
        self._journal.clear()
        if self._api is not None:
            self._api.release()


def _cannot_listen(error: OSError, host: str, port: int) -> CannotListen:
    if error.errno == errno.EADDRINUSE:
        reason = "the port is taken; choose another, or 0 for a free one"
    else:
        reason = os.strerror(error.errno) if error.errno else str(error)
    return CannotListen(error.errno, f"The sandbox cannot listen on {host}:{port}: {reason}.")
