"""What stands between the verifier and the provider: it keeps the reasons that the tool drops.

The tool asks this relay on loopback, and the relay asks the provider. Without it

- a states endpoint that answers 5xx is asked nine times over two minutes, and whatever it says is
  lost: the tool only tells that "one or more of the setup state change handlers has failed";
- the token would stand in the tool's command line;
- messages would have to come from the host that answers requests.
"""

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import aiohttp
import msgspec
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from shelfport.contracts.errors import ContractsError, reason_of
from shelfport.contracts.verify.provider import Provider

_PROVIDER = "/provider"
_STATES = "/states"
_MESSAGES = "/messages"
_SHOWN = 300
"""Characters of a refusal that are shown."""

UNANSWERED: Mapping[int, str] = {
    598: "the connection broke before there was an answer",
    599: "there was no answer in time",
}
"""Statuses that the tool is told where there is none; no server gives them by itself."""
_BROKEN, _LATE = UNANSWERED

_NO_SUCH_ENDPOINT = frozenset({404, 405, 501})
"""Said before any state was set: an unknown state is a 400."""

# RFC 9110 §7.6.1: they belong to one connection, and each side of the relay has its own.
_HOP_BY_HOP = frozenset(
    {"connection", "content-length", "host", "keep-alive", "te", "trailer", "transfer-encoding"}
)


class Unreachable(ContractsError):
    """Nobody answers at an address of the provider; the message is one sentence."""


class _StateChange(msgspec.Struct):
    state: str
    params: dict[str, Any] | None = None
    action: str = "setup"


class _MessageRequest(msgspec.Struct):
    description: str


class Relay:
    """A server on loopback that passes on what the tool asks; used from one event loop.

    Args:
        provider: who is asked.
    """

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._timeout = aiohttp.ClientTimeout(total=provider.timeout)
        self._session: aiohttp.ClientSession | None = None
        self._runner: web.ServerRunner | None = None
        self.lost: asyncio.Future[Unreachable] = asyncio.get_running_loop().create_future()
        """Done as soon as nobody answers: there is no point in going on."""
        self.refused_states: dict[str, str] = {}
        """By state: what the provider said when it could not be set up or torn down."""
        self.refused_messages: dict[str, str] = {}
        """By description: what it said instead of an event. The tool takes that for the event."""
        self._states_set = 0

    async def __aenter__(self) -> Self:
        """Start to listen."""
        self._session = aiohttp.ClientSession(
            # A new connection each: one that the provider has just dropped is no answer of its.
            connector=aiohttp.TCPConnector(force_close=True),
            auto_decompress=False,
            middlewares=(_send_once,),
            timeout=self._timeout,
        )
        server = web.Server(self._handle)
        self._runner = web.ServerRunner(server, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()
        if self._session is not None:
            await self._session.close()
        self.lost.cancel()

    @property
    def arguments(self) -> tuple[str, ...]:
        """The tool's arguments that lead it here."""
        assert self._runner is not None  # noqa: S101 - between enter and exit
        port = self._runner.addresses[0][1]
        here = f"http://127.0.0.1:{port}"
        return (
            *("--hostname", "127.0.0.1", "--port", str(port), "--base-path", _PROVIDER),
            *("--transports", f"message:{port}{_MESSAGES}"),
            *("--state-change-url", here + _STATES, "--state-change-teardown"),
            # The relay gives up first, so that the reason is known.
            *("--request-timeout", str(round((self._provider.timeout + 5) * 1000))),
        )

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path == _STATES:
            return await self._change_state(request)
        if request.path == _MESSAGES:
            return await self._announce(request)
        return await self._pass_on(request)

    async def _pass_on(self, request: web.BaseRequest) -> web.Response:
        target = request.raw_path.removeprefix(_PROVIDER)
        address = URL(str(self._provider.url).rstrip("/") + target, encoded=True)
        headers = _end_to_end(request.headers)
        if self._provider.token is not None and "Authorization" in headers:
            headers["Authorization"] = f"Bearer {self._provider.token.get_secret_value()}"
        status, answered, body = await self._ask(
            request.method, address, headers=headers, body=await request.read()
        )
        return web.Response(status=status, headers=answered, body=body)

    async def _announce(self, request: web.BaseRequest) -> web.Response:
        asked, address = await request.read(), self._provider.messages_url
        status, headers, body = await self._ask(
            "POST", address, headers=_end_to_end(request.headers), body=asked
        )
        if not _agreed(status):
            description = msgspec.json.decode(asked, type=_MessageRequest).description
            self.refused_messages[description] = f"{address}: {_reason(status, body)}"
        return web.Response(status=status, headers=headers, body=body)

    async def _change_state(self, request: web.BaseRequest) -> web.Response:
        body = await request.read()
        change = msgspec.json.decode(body, type=_StateChange)
        address = self._provider.states_url
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        status, _, said = await self._ask("POST", address, headers=headers, body=body)
        if _agreed(status):
            self._states_set += 1
            return web.json_response({})
        reason = _reason(status, said)
        if status in _NO_SUCH_ENDPOINT and not self._states_set:
            self._lose(Unreachable(f"there is no states endpoint at {address}: {reason}"))
        self.refused_states[change.state] = f"{change.action} at {address}: {reason}"
        # Never the provider's own status: a 5xx would be repeated for two minutes.
        return web.Response(status=400)

    async def _ask(
        self, method: str, address: URL, *, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, CIMultiDict[str], bytes]:
        """Status, headers and body of the provider's answer; a status of ours where it has none."""
        assert self._session is not None  # noqa: S101 - between enter and exit
        try:
            async with self._session.request(
                method,
                address,
                headers=headers,
                data=body or None,
                allow_redirects=False,
                skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
            ) as response:
                return response.status, _end_to_end(response.headers), await response.read()
        except TimeoutError:
            return _LATE, CIMultiDict(), b""
        except aiohttp.ClientConnectorError as error:
            lost = Unreachable(f"{address.origin()} cannot be reached: {reason_of(error)}")
            lost.__cause__ = error
            self._lose(lost)
            return _BROKEN, CIMultiDict(), b""
        except aiohttp.ClientError:
            return _BROKEN, CIMultiDict(), b""

    def _lose(self, lost: Unreachable) -> None:
        if not self.lost.done():
            self.lost.set_result(lost)


async def _send_once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keep aiohttp from sending a GET again by itself (docs/decisions/0009)."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise aiohttp.ClientPayloadError(str(error)) from error


def _end_to_end(headers: Mapping[str, str]) -> CIMultiDict[str]:
    return CIMultiDict(
        (name, value) for name, value in headers.items() if name.lower() not in _HOP_BY_HOP
    )


def _agreed(status: int) -> bool:
    return 200 <= status < 300


def _reason(status: int, body: bytes) -> str:
    """What a refusal says: the detail of a problem document, or the beginning of its text."""
    if status in UNANSWERED:
        return UNANSWERED[status]
    try:
        document = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        document = None
    detail = document.get("detail") if isinstance(document, dict) else None
    text = detail if isinstance(detail, str) else body.decode(errors="replace")
    words = " ".join(text.split())[:_SHOWN]
    return f"it answered {status}: {words}" if words else f"it answered {status}"
