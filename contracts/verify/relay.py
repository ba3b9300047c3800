"""The relay between the tool and the provider: it keeps the reasons that the tool drops.

The tool sends its requests to this relay on loopback, and the relay forwards them to the provider.
Without the relay

- the tool would repeat a states request that is answered with 5xx nine times over two minutes, and
  drop the reason: it only reports that "one or more of the setup state change handlers has failed";
- the tool's command line would show the token;
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
"""The longest reason, in characters."""

UNANSWERED: Mapping[int, str] = {
    598: "the connection broke before there was an answer",
    599: "there was no answer in time",
}
"""Statuses that the relay gives the tool if the provider gives none; servers do not use them."""
_DISCONNECTED, _TIMED_OUT = UNANSWERED

_NO_SUCH_ENDPOINT = frozenset({404, 405, 501})
"""There is no states endpoint, if this is the first answer: an unknown state is a 400."""

# RFC 9110 §7.6.1: they belong to one connection, and each side of the relay has its own.
_HOP_BY_HOP = frozenset(
    {"connection", "content-length", "host", "keep-alive", "te", "trailer", "transfer-encoding"}
)


class Unreachable(ContractsError):
    """The provider is unreachable, or has no states endpoint; the message is one sentence."""


class _StateChange(msgspec.Struct):
    state: str
    params: dict[str, Any] | None = None
    action: str = "setup"


class _MessageRequest(msgspec.Struct):
    description: str


class Relay:
    """A server on loopback that forwards the tool's requests; used from one event loop.

    Args:
        provider: the provider that gets the requests.
    """

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._timeout = aiohttp.ClientTimeout(total=provider.timeout)
        self._session: aiohttp.ClientSession | None = None
        self._runner: web.ServerRunner | None = None
        self.unreachable: asyncio.Future[Unreachable] = asyncio.get_running_loop().create_future()
        """Done as soon as the provider is unreachable; then the verification ends."""
        self.refused_states: dict[str, str] = {}
        """By state: the provider's reason for a failed setup or teardown."""
        self.refused_messages: dict[str, str] = {}
        """By description: the provider's reason for a missing event, which the tool drops."""
        self._states_set = 0

    async def __aenter__(self) -> Self:
        """Start to listen."""
        self._session = aiohttp.ClientSession(
            # A new connection for each request: a dropped idle one would look like a failure.
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
        self.unreachable.cancel()

    @property
    def arguments(self) -> tuple[str, ...]:
        """The tool's arguments that direct it to this relay."""
        assert self._runner is not None  # noqa: S101 - between enter and exit
        port = self._runner.addresses[0][1]
        here = f"http://127.0.0.1:{port}"
        return (
            *("--hostname", "127.0.0.1", "--port", str(port), "--base-path", _PROVIDER),
            *("--transports", f"message:{port}{_MESSAGES}"),
            *("--state-change-url", here + _STATES, "--state-change-teardown"),
            # Longer than the relay's timeout, so that the relay reports the reason.
            *("--request-timeout", str(round((self._provider.timeout + 5) * 1000))),
        )

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path == _STATES:
            return await self._change_state(request)
        if request.path == _MESSAGES:
            return await self._get_message(request)
        return await self._forward(request)

    async def _forward(self, request: web.BaseRequest) -> web.Response:
        target = request.raw_path.removeprefix(_PROVIDER)
        address = URL(str(self._provider.url).rstrip("/") + target, encoded=True)
        headers = _end_to_end(request.headers)
        if self._provider.token is not None and "Authorization" in headers:
            headers["Authorization"] = f"Bearer {self._provider.token.get_secret_value()}"
        status, answer_headers, body = await self._ask(
            request.method, address, headers=headers, body=await request.read()
        )
        return web.Response(status=status, headers=answer_headers, body=body)

    async def _get_message(self, request: web.BaseRequest) -> web.Response:
        content, address = await request.read(), self._provider.messages_url
        status, headers, body = await self._ask(
            "POST", address, headers=_end_to_end(request.headers), body=content
        )
        if not _is_success(status):
            description = msgspec.json.decode(content, type=_MessageRequest).description
            self.refused_messages[description] = f"{address}: {_reason(status, body)}"
        return web.Response(status=status, headers=headers, body=body)

    async def _change_state(self, request: web.BaseRequest) -> web.Response:
        body = await request.read()
        change = msgspec.json.decode(body, type=_StateChange)
        address = self._provider.states_url
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        status, _, answer = await self._ask("POST", address, headers=headers, body=body)
        if _is_success(status):
            self._states_set += 1
            return web.json_response({})
        reason = _reason(status, answer)
        if status in _NO_SUCH_ENDPOINT and not self._states_set:
            self._give_up(Unreachable(f"there is no states endpoint at {address}: {reason}"))
        self.refused_states[change.state] = f"{change.action} at {address}: {reason}"
        # Never the provider's own status: the tool repeats a 5xx for two minutes.
        return web.Response(status=400)

    async def _ask(
        self, method: str, address: URL, *, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, CIMultiDict[str], bytes]:
        """Status, headers and body of the provider's answer, or an `UNANSWERED` status."""
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
            return _TIMED_OUT, CIMultiDict(), b""
        except aiohttp.ClientConnectorError as error:
            unreachable = Unreachable(f"{address.origin()} cannot be reached: {reason_of(error)}")
            unreachable.__cause__ = error
            self._give_up(unreachable)
            return _DISCONNECTED, CIMultiDict(), b""
        except aiohttp.ClientError:
            return _DISCONNECTED, CIMultiDict(), b""

    def _give_up(self, unreachable: Unreachable) -> None:
        if not self.unreachable.done():
            self.unreachable.set_result(unreachable)


async def _send_once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keep aiohttp from repeating a GET by itself."""
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


def _is_success(status: int) -> bool:
    return 200 <= status < 300


def _reason(status: int, body: bytes) -> str:
    """The reason in an answer: the detail of a problem document, or the beginning of its text."""
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
