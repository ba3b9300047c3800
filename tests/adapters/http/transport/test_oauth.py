"""OAuth 2 client credentials against a real token endpoint (RFC 6749 §4.4)."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs

import pytest
from aiohttp import web

from shelfport import InventoryError, StockReading
from shelfport.errors import (
    CredentialsUnavailable,
    DeadlineExceeded,
    FaultScope,
    InsecureConnection,
    ReachedService,
    Unauthorized,
)
from shelfport.http import HttpInventory
from shelfport.options import AuthOptions, HttpOptions
from shelfport.ports import DEFAULT_CALL, Call
from tests.adapters.http.conftest import facts_of
from tests.support.clocks import ManualClock
from tests.support.servers import Service, json_response, problem, serving, stocked
from tests.support.values import an_id, ids
from tests.support.waiting import eventually

VARIANT = an_id(1)


class World:
    """A token endpoint that issues tokens t1, t2, …, and a service that accepts some of them."""

    def __init__(self) -> None:
        self.issued = 0
        self.lifetime: float | None = 600
        self.revoked: set[str] = set()
        self.trouble: web.StreamResponse | None = None
        self.open = asyncio.Event()
        self.open.set()
        self.clock = ManualClock()
        self._known = stocked(ids(9))

    async def token_endpoint(self, request: web.BaseRequest) -> web.StreamResponse:
        await self.open.wait()
        if self.trouble is not None:
            return self.trouble
        self.issued += 1
        answer: dict[str, object] = {"access_token": f"t{self.issued}", "token_type": "Bearer"}
        if self.lifetime is not None:
            answer["expires_in"] = self.lifetime
        return json_response(answer)

    async def service(self, request: web.BaseRequest) -> web.StreamResponse:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not token.startswith("t") or token in self.revoked:
            return problem(401, "unauthenticated")
        return await self._known(request)


@pytest.fixture
def world() -> World:
    return World()


@asynccontextmanager
async def running(
    world: World,
    token_endpoint_auth_method: str = "client_secret_basic",
    attempt_timeout: float = 10,
) -> AsyncIterator[tuple[HttpInventory, Service, Service]]:
    async with serving(world.token_endpoint) as endpoint, serving(world.service) as service:
        auth = AuthOptions(
            scheme="client_credentials",
            token_url=f"{endpoint.url}/token",
            client_id="shop&co",
            secret="s3:cret",
            token_endpoint_auth_method=token_endpoint_auth_method,  # type: ignore[arg-type]  # one of two
            scope="stock:read stock:write",
        )
        options = HttpOptions(attempt_timeout=attempt_timeout)
        port = HttpInventory(service.url, clock=world.clock, options=options, auth=auth)
        async with port:
            yield port, service, endpoint


async def read(port: HttpInventory, call: Call = DEFAULT_CALL) -> None:
    answers = await port.read([VARIANT], call)
    assert isinstance(answers[VARIANT], StockReading)


async def test_a_fetch_with_basic(world: World) -> None:
    """The client's id and secret are form-encoded into a Basic header, the scope into the body."""
    async with running(world) as (port, service, endpoint):
        await read(port)

    scheme, _, credentials = endpoint.requests[0].headers["Authorization"].partition(" ")
    assert ("Basic", b"shop%26co:s3%3Acret") == (scheme, base64.b64decode(credentials))
    assert {"grant_type": ["client_credentials"], "scope": ["stock:read stock:write"]} == parse_qs(
        endpoint.bodies[0].decode()
    )
    assert "application/x-www-form-urlencoded" == endpoint.requests[0].content_type
    assert ["Bearer t1"] == [r.headers["Authorization"] for r in service.requests]


async def test_a_fetch_with_the_body(world: World) -> None:
    """With client_secret_post, id and secret go into the body."""
    async with running(world, "client_secret_post") as (port, _, endpoint):
        await read(port)

    assert "Authorization" not in endpoint.requests[0].headers
    fields = parse_qs(endpoint.bodies[0].decode())
    assert (["shop&co"], ["s3:cret"]) == (fields["client_id"], fields["client_secret"])


async def test_fifty_callers_share_one_fetch(world: World) -> None:
    """50 callers without a token share one fetch."""
    async with running(world) as (port, service, endpoint):
        await asyncio.gather(*(read(port) for _ in range(50)))

    assert (1, 50) == (len(endpoint.requests), len(service.requests))


async def test_fifty_refusals_share_one_fetch(world: World) -> None:
    """50 answers 401 to one token cause one fetch, and every call succeeds."""
    async with running(world) as (port, service, endpoint):
        await read(port)
        world.revoked = {"t1"}
        world.clock.advance(10)
        await asyncio.gather(*(read(port) for _ in range(50)))

    assert (2, 101) == (len(endpoint.requests), len(service.requests))


async def test_a_service_that_refuses_every_token(world: World) -> None:
    """A token that is refused right after its fetch is not replaced, so fetches do not loop."""
    world.revoked = {f"t{n}" for n in range(99)}
    async with running(world) as (port, service, endpoint):
        for _ in range(3):
            with pytest.raises(Unauthorized):
                await read(port)

    assert (1, 3) == (len(endpoint.requests), len(service.requests))


async def test_renewal_before_expiry(world: World) -> None:
    """A token is renewed in the background while it is valid, so no call waits."""
    async with running(world) as (port, service, endpoint):
        await read(port)
        world.clock.advance(545)  # of 600, and 60 before its end
        world.open.clear()
        await asyncio.gather(*(read(port) for _ in range(5)))
        world.open.set()
        await eventually(lambda: world.issued == 2)
        await asyncio.sleep(0.05)
        await read(port)

    assert 2 == len(endpoint.requests)
    assert [*["Bearer t1"] * 6, "Bearer t2"] == [
        r.headers["Authorization"] for r in service.requests
    ]


async def test_a_renewal_that_fails_costs_nothing(world: World) -> None:
    """While the token is valid, calls succeed although its endpoint is down."""
    async with running(world) as (port, _, endpoint):
        await read(port)
        world.trouble = web.Response(status=503)
        world.clock.advance(590)
        for _ in range(5):
            await read(port)
            await asyncio.sleep(0.02)

    assert 2 == len(endpoint.requests)


@pytest.mark.parametrize("lifetime", [None, 1, 0, -5])
async def test_short_lives(world: World, lifetime: float | None) -> None:
    """Each call has a token, with a short lifetime and without one."""
    world.lifetime = lifetime
    async with running(world) as (port, _, _):
        for _ in range(3):
            await read(port)
            world.clock.advance(2)


TRANSIENT = {
    "down": web.Response(status=503),
    "busy": web.Response(status=429),
    "garbage": web.Response(text="<html>"),
    "no token": web.Response(text='{"token_type": "Bearer"}', content_type="application/json"),
    "packed": web.Response(body=b"x", headers={"Content-Encoding": "gzip"}),
    "huge": web.Response(body=b" " * 100_000),
}


@pytest.mark.parametrize("trouble", TRANSIENT)
async def test_an_endpoint_in_trouble(world: World, trouble: str) -> None:
    """A failure of the token endpoint is transient, and no request goes to the service."""
    world.trouble = web.Response(
        status=TRANSIENT[trouble].status,
        body=TRANSIENT[trouble].body,
        headers={
            k: v for k, v in TRANSIENT[trouble].headers.items() if not k.startswith("Content-T")
        },
    )
    async with running(world) as (port, service, endpoint):
        with pytest.raises(CredentialsUnavailable, match="no credentials: ") as info:
            await read(port)

    assert f"{endpoint.url}/token" in str(info.value)
    assert (CredentialsUnavailable, FaultScope.CREDENTIALS, ReachedService.NO) == facts_of(
        info.value
    )
    assert info.value.retryable
    assert [] == service.requests


async def test_an_endpoint_that_is_gone(world: World) -> None:
    """A closed port is transient, too, and the next call gets the same error."""
    auth = AuthOptions(
        scheme="client_credentials", token_url="http://127.0.0.1:9/", client_id="a", secret="b"
    )
    async with HttpInventory("http://127.0.0.1:9", clock=world.clock, auth=auth) as port:
        for _ in range(2):
            with pytest.raises(CredentialsUnavailable, match="the connection failed"):
                await read(port)


async def test_tls_of_the_endpoint_counts(world: World) -> None:
    """A token endpoint at https without TLS is an insecure connection, and no credentials."""
    async with serving(world.token_endpoint) as endpoint:
        auth = AuthOptions(
            scheme="client_credentials",
            token_url=endpoint.url.replace("http:", "https:"),
            client_id="a",
            secret="b",
        )
        async with HttpInventory(endpoint.url, clock=world.clock, auth=auth) as port:
            with pytest.raises(InsecureConnection, match="speaks no TLS") as info:
                await read(port)

    assert (FaultScope.CREDENTIALS, ReachedService.NO) == facts_of(info.value)[1:]
    assert f"no credentials: {auth.token_url}: " in str(info.value)


@pytest.mark.parametrize(
    ("status", "content", "told"),
    [
        (401, {"error": "invalid_client", "error_description": "s3:cret?"}, "401 (invalid_client)"),
        (400, {"error": "s3:cret"}, "it answered 400;"),
        (302, {}, "it answered 302;"),
        (404, {}, "it answered 404;"),
    ],
)
async def test_a_refusal_needs_a_person(
    world: World, status: int, content: object, told: str
) -> None:
    """The error quotes a known code only, as other text may hold the secret."""
    world.trouble = json_response(content, status, Location="/elsewhere")
    async with running(world) as (port, service, endpoint):
        with pytest.raises(Unauthorized, match="are the settings of `auth` right") as info:
            await read(port)

    assert (Unauthorized, FaultScope.CREDENTIALS, ReachedService.NO) == facts_of(info.value)
    assert told in str(info.value)
    assert "s3:cret" not in str(info.value)
    assert (1, []) == (len(endpoint.requests), service.requests)


async def test_a_caller_that_leaves_disturbs_no_other(world: World) -> None:
    """The caller that started the fetch leaves; the others get their token."""
    world.open.clear()
    async with running(world) as (port, _, endpoint):
        first = asyncio.create_task(read(port))
        await eventually(lambda: bool(endpoint.requests))
        others = [asyncio.create_task(read(port)) for _ in range(5)]
        await asyncio.sleep(0)
        first.cancel()
        world.open.set()
        await asyncio.gather(*others)

    assert first.cancelled()
    assert 1 == len(endpoint.requests)


@pytest.mark.parametrize(
    ("call", "timeout", "kind"),
    [
        (Call(deadline=0.05), 10, DeadlineExceeded),
        (DEFAULT_CALL, 0.05, CredentialsUnavailable),
    ],
)
async def test_the_fetch_counts_towards_the_deadline(
    world: World, call: Call, timeout: float, kind: type[InventoryError]
) -> None:
    """A caller without time left gets an error, and the fetch continues."""
    world.open.clear()
    async with running(world, attempt_timeout=timeout) as (port, service, endpoint):
        with pytest.raises(kind, match="no credentials within") as info:
            await read(port, call)
        assert (ReachedService.NO, []) == (info.value.reached_service, service.requests)

        world.open.set()
        await eventually(lambda: world.issued == 1)
        await asyncio.sleep(0.05)
        await read(port)

    assert 1 == len(endpoint.requests)


async def test_a_late_refusal_of_the_token_before(world: World) -> None:
    """After a 401 to a token that was replaced meanwhile, the new one is sent."""
    late = asyncio.Event()
    ordinary = world.service

    async def slow_to_refuse(request: web.BaseRequest) -> web.StreamResponse:
        response = await ordinary(request)
        if response.status == 401 and request.path.endswith(str(an_id(2))):
            await late.wait()
        return response

    world.service = slow_to_refuse  # type: ignore[method-assign]  # one test's own service
    async with running(world) as (port, _, endpoint):
        await read(port)
        world.revoked = {"t1"}
        world.clock.advance(10)
        slow = asyncio.create_task(port.read([an_id(2)], DEFAULT_CALL))
        await asyncio.sleep(0.05)
        await read(port)
        late.set()

        assert isinstance((await slow)[an_id(2)], StockReading)

    assert 2 == len(endpoint.requests)
