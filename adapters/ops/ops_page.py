"""`OpsPage`: answers every request to the ops page, under any server."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from typed_settings import Secret

from shelfport.adapters.config.settings import Settings
from shelfport.adapters.facade.integration import InventoryIntegration
from shelfport.adapters.ops.access_control import AccessControl, is_own
from shelfport.adapters.ops.document import ops_document
from shelfport.adapters.ops.live import HEADERS, LiveFragments, TooManyStreams
from shelfport.adapters.ops.recorder import Recorder
from shelfport.adapters.ops.request import OpsReply, OpsRequest
from shelfport.adapters.ops.templates import (
    SECURITY,
    asset_reply,
    fragments_of,
    page_reply,
    templates,
)
from shelfport.adapters.ops.view import OpsView, ops_view, search_view
from shelfport.adapters.runtime.secret_text import optional_secret
from shelfport.domain.model import QueueFailed
from shelfport.ports import InitializationQueue
from shelfport.ports.signals import BreakerState

FRAGMENTS: Final = (
    "headline",
    "circuit",
    "budget",
    "memory",
    "bus",
    "served",
    "latency",
    "faults",
    "queue",
    "dead",
    "events",
    "log",
)
"""The parts of the page that are updated live."""

LONGEST_SEARCH: Final = 200
_JSON: Final = {"Content-Type": "application/json", "Cache-Control": "no-store"}
_MAX_RETRIED: Final = 1_000

_NOTICES: Final = {
    "retried": "The entry is due now; a worker tries it.",
    "dropped": "The entry is dropped.",
    "gone": "The entry is gone: a worker or another operator was faster.",
    "held": "The circuit is held by hand until an operator releases it.",
    "released": "The circuit is released and closed.",
}
"""What a button did, by the word in the address that it redirects to."""

_HOLDS: Final = {"open": BreakerState.OPEN, "closed": BreakerState.CLOSED, "none": None}


class OpsPage:
    """The page of one integration. `ops_app` and `ops_asgi` put it into a server.

    Args:
        inventory: the integration; the host opens and closes it.
        recorder: the one of `build(telemetry=[recorder])`.
        settings: the settings of the integration.
        token: the secret that admits a request; without it, only this machine sees the page.
        actions: whether the page has buttons, which retry and drop entries and hold the circuit.
        title: names the page.
        links: further addresses, by name.
    """

    def __init__(
        self,
        inventory: InventoryIntegration[Any],
        recorder: Recorder,
        settings: Settings,
        *,
        token: Secret[str] | str | None = None,
        actions: bool = False,
        title: str = "shelfport",
        links: Mapping[str, str] | None = None,
    ) -> None:
        self._inventory = inventory
        self._recorder = recorder
        self._settings = settings
        self._access = AccessControl(optional_secret(token))
        self._actions = actions
        self._title = title
        self._templates = templates()
        self._templates.globals.update(title=title, links=tuple((links or {}).items()))
        self._live = LiveFragments(self._fragments)
        self._buttons: Mapping[str, Callable[[Mapping[str, str]], Awaitable[str]]] = {
            "/retry": self._retry,
            "/retry-all": self._retry_all,
            "/drop": self._drop,
            "/circuit": self._hold,
        }

    def close(self) -> None:
        """End all streams, as the server is about to stop."""
        self._live.close()

    async def reply(self, request: OpsRequest) -> OpsReply:
        """The reply to `request`."""
        if request.method not in {"GET", "HEAD", "POST"}:
            return self._refusal(405, "Method not allowed", "This page takes GET and POST.")
        asset = asset_reply(request.path)
        if asset is not None:
            return asset
        if request.method == "POST" and not is_own(request):
            return self._refusal(403, "Forbidden", "Requests from other sites are not accepted.")
        if request.path == "/login" and self._access.asks_for_token:
            return await self._login(request)
        if not self._access.admits(request):
            return self._not_admitted()
        if request.method == "POST":
            return await self._press(request)
        if request.path == "/live":
            return self._stream()
        if request.path == "/snapshot.json":
            body = msgspec.json.encode(ops_document(await self._view(), self._title))
            return OpsReply(200, {**SECURITY, **_JSON}, body)
        if request.path == "/":
            return await self._page(request)
        return self._refusal(404, "Not found", "This page does not exist.")

    async def _page(self, request: OpsRequest) -> OpsReply:
        wanted = " ".join(request.query.get("correlation", "").split())[:LONGEST_SEARCH]
        found = await search_view(self._inventory, self._recorder, wanted) if wanted else None
        text = self._templates.get_template("ops.html").render(
            v=await self._view(),
            search=found,
            notice=_NOTICES.get(request.query.get("notice", "")),
        )
        return page_reply(text)

    async def _view(self) -> OpsView:
        return await ops_view(
            self._inventory, self._recorder, self._settings, actions=self._actions
        )

    async def _fragments(self) -> Mapping[str, str]:
        return fragments_of(self._templates, "fragments.html", FRAGMENTS, await self._view())

    def _stream(self) -> OpsReply:
        try:
            return OpsReply(200, {**SECURITY, **HEADERS}, self._live.stream())
        except TooManyStreams:
            return self._refusal(503, "Too many streams", "Close another window of this page.")

    async def _press(self, request: OpsRequest) -> OpsReply:
        button = self._buttons.get(request.path)
        if button is None:
            return self._refusal(404, "Not found", "This button does not exist.")
        if not self._actions:
            return self._refusal(
                403, "Read-only", "This page has no buttons: its host did not enable them."
            )
        try:
            notice = await button(await request.form())
        except ValueError as error:
            return self._refusal(400, "Invalid form", f"{error}.")
        except QueueFailed as error:
            return self._refusal(503, "The queue is unavailable", f"{error}.")
        # A redirect, so that a reload does not press the button again; relative, for any mount.
        return OpsReply(303, {**SECURITY, "Location": f"./?{urlencode({'notice': notice})}"}, b"")

    async def _retry(self, form: Mapping[str, str]) -> str:
        found = await self._queue.retry(_key(form), now=self._recorder.clock.now())
        self._inventory.wake_worker()
        return "retried" if found else "gone"

    async def _retry_all(self, _form: Mapping[str, str]) -> str:
        now = self._recorder.clock.now()
        for entry in await self._queue.entries(dead=True, limit=_MAX_RETRIED):
            await self._queue.retry(entry.request.idempotency_key, now=now)
        self._inventory.wake_worker()
        return "retried"

    async def _drop(self, form: Mapping[str, str]) -> str:
        return "dropped" if await self._queue.drop(_key(form)) else "gone"

    async def _hold(self, form: Mapping[str, str]) -> str:
        wanted = form.get("hold", "")
        if wanted not in _HOLDS:
            raise ValueError(f"hold must be one of {', '.join(_HOLDS)}")
        self._inventory.force_circuit(_HOLDS[wanted])
        return "released" if _HOLDS[wanted] is None else "held"

    @property
    def _queue(self) -> InitializationQueue:
        if self._inventory.queue is None:
            raise ValueError("there is no queue")
        return self._inventory.queue

    async def _login(self, request: OpsRequest) -> OpsReply:
        if request.method != "POST":
            return OpsReply(303, {**SECURITY, "Location": "./"}, b"")
        if not self._access.is_token((await request.form()).get("token", "")):
            return self._ask_for_token(wrong=True)
        cookie = self._access.session_cookie(request)
        return OpsReply(303, {**SECURITY, "Location": "./", "Set-Cookie": cookie}, b"")

    def _not_admitted(self) -> OpsReply:
        if self._access.asks_for_token:
            return self._ask_for_token(wrong=False)
        return self._refusal(
            403,
            "For this machine only",
            "This page has no token, so only requests from its own machine see it. "
            "Give ops_app or ops_asgi a token to show it elsewhere.",
        )

    def _ask_for_token(self, *, wrong: bool) -> OpsReply:
        text = self._templates.get_template("login.html").render(wrong=wrong)
        return page_reply(text, status=401, headers={"WWW-Authenticate": "Bearer"})

    def _refusal(self, status: int, heading: str, sentence: str) -> OpsReply:
        text = self._templates.get_template("refusal.html").render(
            heading=heading, sentence=sentence
        )
        return page_reply(text, status=status)


def _key(form: Mapping[str, str]) -> UUID:
    try:
        return UUID(form.get("key", ""))
    except ValueError as error:
        raise ValueError("key must be the idempotency key of an entry") from error
