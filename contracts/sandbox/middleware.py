"""The sandbox's middleware: journal, faults, problem documents, the echoed correlation id."""

import asyncio
import logging
from contextvars import ContextVar

from aiohttp import web
from aiohttp.typedefs import Handler

from shelfport.adapters.http.wire import CORRELATION_ID, ProblemSlug
from shelfport.contracts.sandbox.checks import correlation_id_of
from shelfport.contracts.sandbox.faults import ErrorStatus, FaultMode, FaultPlan
from shelfport.contracts.sandbox.journal import Journal
from shelfport.contracts.sandbox.problems import RequestRefused, problem

CONTROL_PREFIX = "/_sandbox/"
"""Requests below this path control the sandbox: no journal, no faults, no token."""

logger = logging.getLogger("shelfport.contracts.sandbox")

_SLUG_OF: dict[ErrorStatus, ProblemSlug] = {
    401: "unauthenticated",
    403: "forbidden",
    429: "too-many-requests",
    500: "internal-error",
    503: "unavailable",
}


class Delay:
    """The latency of one request, which is spent once."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def once(self) -> None:
        """Wait on the first call; return at once on later calls."""
        seconds, self._seconds = self._seconds, 0.0
        if seconds:
            await asyncio.sleep(seconds)


# Not `request[...]`: string keys warn from aiohttp 3.14 on, and older versions have no typed keys.
request_delay: ContextVar[Delay] = ContextVar("request_delay")
"""The latency of the current task's request."""
request_mode: ContextVar[FaultMode] = ContextVar("request_mode")
"""The fault mode of the current task's request."""


class SandboxMiddleware:
    """Records every request to the API, and applies the faults to it.

    Args:
        plan: the current faults.
        journal: records the requests to the API.
    """

    def __init__(self, plan: FaultPlan, journal: Journal) -> None:
        self._plan = plan
        self._journal = journal

    def install(self, app: web.Application) -> None:
        """Add this middleware to `app`."""
        app.middlewares.append(self._handle)
        app.on_response_prepare.append(_echo_correlation_id)

    @web.middleware
    async def _handle(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith(CONTROL_PREFIX):
            return await _execute(request, handler)
        number = self._journal.begin(request)
        status: int | None = None
        try:
            response = await self._apply_faults(request, handler)
            status = response.status
        except web.HTTPException as error:  # an unknown path or method: aiohttp's own answer
            status = error.status
            raise
        else:
            return response
        finally:
            self._journal.end(number, status)

    async def _apply_faults(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        retry_after = self._plan.current.retry_after  # deciding may end the faults
        decision = self._plan.decide(request.method)
        delay = Delay(decision.latency)
        if decision.error_status is not None:
            await delay.once()
            return problem(_SLUG_OF[decision.error_status], retry_after=retry_after)
        match decision.mode:
            case "down":
                await delay.once()
                return problem("unavailable", retry_after=retry_after)
            case "refuse":
                await delay.once()
                return await _abort(request)
            case "reject_write":
                await delay.once()
                return problem("invalid-request", "The service does not accept this record.")
            case "hang":
                await self._plan.changed()
            case _:
                pass
        request_delay.set(delay)
        request_mode.set(decision.mode)
        response = await _execute(request, handler)
        await delay.once()
        match decision.mode:
            case "garbage":
                return web.Response(text="<html>It works!", content_type="application/json")
            case "truncated":
                return await _truncate(request, response)
            case "timeout_after_write":
                await self._plan.changed()
            case "crash_after_write":
                return await _abort(request)
            case _:
                pass
        return response


async def _execute(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except RequestRefused as refusal:
        return refusal.response()
    except web.HTTPException:
        raise
    except Exception:
        logger.exception("%s %s failed", request.method, request.path)
        return problem("internal-error")


async def _abort(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    # The lost connection cancels this handler, like that of any client that leaves.
    await asyncio.get_running_loop().create_future()
    raise AssertionError("unreachable")


async def _truncate(request: web.Request, whole: web.StreamResponse) -> web.StreamResponse:
    assert isinstance(whole, web.Response)  # noqa: S101 - the endpoints make no others
    body = whole.body
    assert isinstance(body, bytes)  # noqa: S101 - as above
    cut = web.StreamResponse(status=whole.status, headers=whole.headers)
    cut.content_length = len(body)
    await cut.prepare(request)
    await cut.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return cut


async def _echo_correlation_id(request: web.Request, response: web.StreamResponse) -> None:
    correlation_id = correlation_id_of(request)
    if correlation_id is not None:
        response.headers[CORRELATION_ID] = correlation_id
