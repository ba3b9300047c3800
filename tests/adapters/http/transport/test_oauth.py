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
    InsecureConnection,
    ReachedService,
    Unauthorized,
)
from shelfport.http import HttpInventory
from shelfport.options import AuthOptions, HttpOptions
from shelfport.ports import DEFAULT_CALL, Call
from tests.support.clocks import ManualClock
from tests.support.servers import Service, json_response, problem, serving, stocked
from tests.support.values import an_id, ids
from tests.support.waiting import eventually

VARIANT = an_id(1)


class World:
    """A token endpoint that sells tokens 1, 2, …, and a service that takes some of them."""

    def __init__(self) -> None:
        self.sold = 0
        self.lifetime: float | None = 600
        self.revoked: set[str] = set()
        self.trouble: web.StreamResponse | None = None
        self.open = asyncio.Event()
        self.open.set()
        self.clock = ManualClock()
        self._known = stocked(ids(9))

    async def shop(self, request: web.BaseRequest) -> web.StreamResponse:
        await self.open.wait()
        if self.trouble is not None:
            return self.trouble
        self.sold += 1
        answer: dict[str, object] = {"access_token": f"t{self.sold}", "token_type": "Bearer"}
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
    async with serving(world.shop) as shop, serving(world.service) as service:
        auth = AuthOptions(
            scheme="client_credentials",
            token_url=f"{shop.url}/token",
            client_id="shop&co",
            secret="s3:cret",
            token_endpoint_auth_method=token_endpoint_auth_method,  # type: ignore[arg-type]  # one of two
            scope="stock:read stock:write",
        )
        options = HttpOptions(attempt_timeout=attempt_timeout)
        port = HttpInventory(service.url, clock=world.clock, options=options, auth=auth)
        async with port:
            yield port, service, shop


async def read(port: HttpInventory, call: Call = DEFAULT_CALL) -> None:
    answers = await port.read([VARIANT], call)
    assert isinstance(answers[VARIANT], StockReading)


async def test_a_purchase_with_basic(world: World) -> None:
    """The client's id and secret are form-encoded into a Basic header, the scope into the body."""
    async with running(world) as (port, service, shop):
        await read(port)

    scheme, _, credentials = shop.requests[0].headers["Authorization"].partition(" ")
    assert ("Basic", b"shop%26co:s3%3Acret") == (scheme, base64.b64decode(credentials))
    assert {"grant_type": ["client_credentials"], "scope": ["stock:read stock:write"]} == parse_qs(
        shop.bodies[0].decode()
    )
    assert "application/x-www-form-urlencoded" == shop.requests[0].content_type
    assert ["Bearer t1"] == [r.headers["Authorization"] for r in service.requests]


async def test_a_purchase_with_the_body(world: World) -> None:
    """For servers that know no Basic, id and secret go into the body."""
    async with running(world, "client_secret_post") as (port, _, shop):
        await read(port)

    assert "Authorization" not in shop.requests[0].headers
    fields = parse_qs(shop.bodies[0].decode())
    assert (["shop&co"], ["s3:cret"]) == (fields["client_id"], fields["client_secret"])


async def test_fifty_callers_one_purchase(world: World) -> None:
    """50 callers who find no token wait for one purchase."""
    async with running(world) as (port, service, shop):
        await asyncio.gather(*(read(port) for _ in range(50)))

    assert (1, 50) == (len(shop.requests), len(service.requests))


async def test_fifty_refusals_one_purchase(world: World) -> None:
    """A burst of 401s to one token is one purchase, and every call goes through."""
    async with running(world) as (port, service, shop):
        await read(port)
        world.revoked = {"t1"}
        world.clock.advance(10)
        await asyncio.gather(*(read(port) for _ in range(50)))

    assert (2, 101) == (len(shop.requests), len(service.requests))


async def test_a_service_that_refuses_every_token(world: World) -> None:
    """A token that is refused right after it was bought is not replaced: no loop of purchases."""
    world.revoked = {f"t{n}" for n in range(99)}
    async with running(world) as (port, service, shop):
        for _ in range(3):
            with pytest.raises(Unauthorized):
                await read(port)

    assert (1, 3) == (len(shop.requests), len(service.requests))


async def test_renewed_ahead_of_its_end(world: World) -> None:
    """A token is renewed behind the calls while it still serves: nobody waits."""
    async with running(world) as (port, service, shop):
        await read(port)
        world.clock.advance(545)  # of 600, and 60 before its end
        world.open.clear()
        await asyncio.gather(*(read(port) for _ in range(5)))
        world.open.set()
        await eventually(lambda: world.sold == 2)
        await asyncio.sleep(0.05)
        await read(port)

    assert 2 == len(shop.requests)
    assert [*["Bearer t1"] * 6, "Bearer t2"] == [
        r.headers["Authorization"] for r in service.requests
    ]


async def test_a_renewal_that_fails_costs_nothing(world: World) -> None:
    """While the token still serves, an endpoint that is down is nobody's trouble."""
    async with running(world) as (port, _, shop):
        await read(port)
        world.trouble = web.Response(status=503)
        world.clock.advance(590)
        for _ in range(5):
            await read(port)
            await asyncio.sleep(0.02)

    assert 2 == len(shop.requests)


@pytest.mark.parametrize("lifetime", [None, 1, 0, -5])
async def test_short_lives(world: World, lifetime: float | None) -> None:
    """Without a lifetime five minutes are taken; whatever it is, each call has a token."""
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
    """Its trouble may pass by itself; the service was not asked."""
    world.trouble = web.Response(
        status=TRANSIENT[trouble].status,
        body=TRANSIENT[trouble].body,
        headers={
            k: v for k, v in TRANSIENT[trouble].headers.items() if not k.startswith("Content-T")
        },
    )
    async with running(world) as (port, service, shop):
        with pytest.raises(CredentialsUnavailable, match="for want of credentials") as info:
            await read(port)

    assert f"{shop.url}/token" in str(info.value)
    assert (True, ReachedService.NO) == (info.value.retryable, info.value.reached_service)
    assert [] == service.requests


async def test_an_endpoint_that_is_gone(world: World) -> None:
    """Where nobody listens the failure may pass, too; the next call hears the same."""
    auth = AuthOptions(
        scheme="client_credentials", token_url="http://127.0.0.1:9/", client_id="a", secret="b"
    )
    async with HttpInventory("http://127.0.0.1:9", clock=world.clock, auth=auth) as port:
        for _ in range(2):
            with pytest.raises(CredentialsUnavailable, match="no connection, or it broke"):
                await read(port)


async def test_tls_of_the_endpoint_counts(world: World) -> None:
    """An endpoint that speaks no TLS where it should is no secure connection."""
    async with serving(world.shop) as shop:
        auth = AuthOptions(
            scheme="client_credentials",
            token_url=shop.url.replace("http:", "https:"),
            client_id="a",
            secret="b",
        )
        async with HttpInventory(shop.url, clock=world.clock, auth=auth) as port:
            with pytest.raises(InsecureConnection, match="speaks no TLS"):
                await read(port)


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
    """A refused client is told with the known code alone: prose may hold the secret."""
    world.trouble = json_response(content, status, Location="/elsewhere")
    async with running(world) as (port, service, shop):
        with pytest.raises(Unauthorized, match="are the settings of `auth` right") as info:
            await read(port)

    assert told in str(info.value)
    assert "s3:cret" not in str(info.value)
    assert (1, []) == (len(shop.requests), service.requests)


async def test_one_who_leaves_harms_no_other(world: World) -> None:
    """The caller who began the purchase leaves; the others get their token."""
    world.open.clear()
    async with running(world) as (port, _, shop):
        first = asyncio.create_task(read(port))
        await eventually(lambda: bool(shop.requests))
        others = [asyncio.create_task(read(port)) for _ in range(5)]
        await asyncio.sleep(0)
        first.cancel()
        world.open.set()
        await asyncio.gather(*others)

    assert first.cancelled()
    assert 1 == len(shop.requests)


@pytest.mark.parametrize(
    ("call", "timeout", "kind"),
    [
        (Call(deadline=0.05), 10, DeadlineExceeded),
        (DEFAULT_CALL, 0.05, CredentialsUnavailable),
    ],
)
async def test_the_purchase_counts_towards_the_deadline(
    world: World, call: Call, timeout: float, kind: type[InventoryError]
) -> None:
    """Whoever has no time left leaves, knowing that nothing was sent; the purchase goes on."""
    world.open.clear()
    async with running(world, attempt_timeout=timeout) as (port, service, shop):
        with pytest.raises(kind, match="no credentials within") as info:
            await read(port, call)
        assert (ReachedService.NO, []) == (info.value.reached_service, service.requests)

        world.open.set()
        await eventually(lambda: world.sold == 1)
        await asyncio.sleep(0.05)
        await read(port)

    assert 1 == len(shop.requests)


async def test_a_late_refusal_of_the_token_before(world: World) -> None:
    """A 401 to a token that has been replaced meanwhile is answered with the new one."""
    late = asyncio.Event()
    ordinary = world.service

    async def slow_to_refuse(request: web.BaseRequest) -> web.StreamResponse:
        response = await ordinary(request)
        if response.status == 401 and request.path.endswith(str(an_id(2))):
            await late.wait()
        return response

    world.service = slow_to_refuse  # type: ignore[method-assign]  # one test's own service
    async with running(world) as (port, _, shop):
        await read(port)
        world.revoked = {"t1"}
        world.clock.advance(10)
        slow = asyncio.create_task(port.read([an_id(2)], DEFAULT_CALL))
        await asyncio.sleep(0.05)
        await read(port)
        late.set()

        assert isinstance((await slow)[an_id(2)], StockReading)

    assert 2 == len(shop.requests)
