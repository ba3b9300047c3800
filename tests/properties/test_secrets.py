"""A planted secret is searched in all output of the library; so are forged records."""

import asyncio
import contextlib
import io
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote_plus

import pytest
from aiohttp import web
from dependency_injector import providers
from hypothesis import given
from hypothesis import strategies as st

from shelfport import (
    Container,
    InventoryError,
    Settings,
    request_context,
)
from shelfport.adapters.cli import main
from shelfport.contracts.sandbox import Faults, Sandbox, seed_records
from shelfport.options import (
    AuthOptions,
    BreakerOptions,
    HttpOptions,
    RetryOptions,
    TlsOptions,
)
from shelfport.ports import Call
from tests.properties.hunt import Kept, Telemetries, everything_logged, recorded, reprs
from tests.support.servers import serving
from tests.support.values import an_id, an_initial_stock, ids

secrets = st.text(st.sampled_from("abcXYZ0189-._~+/= :%&"), min_size=6, max_size=30).filter(
    lambda text: text == text.strip() and len(set(text)) > 4
)
hostile = st.text(max_size=60) | st.sampled_from(
    ["a\r\nERROR forged", "\x1b[31m", "\u2028\u202e", "\x00"]
)


async def everything(settings: Settings) -> tuple[str, Kept]:
    """All output of reads and writes that fail."""
    seen: list[str] = []
    with everything_logged() as kept:
        telemetry = Telemetries()
        container = Container(
            settings=providers.Object(settings), telemetry=providers.Object(telemetry.all)
        )
        async with container.integration() as inventory:
            port = container.port()
            for wanted in (ids(1), ids(2)):
                try:
                    await port.read(wanted, Call(max_staleness=0))
                except InventoryError as error:
                    seen.append(recorded(error))
            try:
                await port.initialize(an_initial_stock(an_id(1)), Call())
            except InventoryError as error:
                seen.append(recorded(error))
            page = await inventory.get_stock_levels(ids(2))
            seen += [repr(page), repr(inventory), repr(inventory.snapshot())]
            for thing in (container.adapter(), port, inventory, settings):
                seen += reprs(thing)
            seen += telemetry.shown()
    seen += [f"{r.getMessage()} {r.__dict__} {r.exc_text}" for r in kept.records]
    return "\n".join(seen), kept


def hasty(url: str, auth: AuthOptions) -> Settings:
    return Settings(
        base_url=url,
        auth=auth,
        http=HttpOptions(attempt_timeout=0.2),
        retry=RetryOptions(max_attempts=1),
        breaker=BreakerOptions(minimum_calls=1000),
    )


@pytest.fixture(scope="module")
def sandbox(runner: asyncio.Runner) -> Iterator[Sandbox]:
    service = Sandbox(seed=seed_records())
    runner.run(service.__aenter__())
    yield service
    runner.run(service.__aexit__(None, None, None))


@given(
    secret=secrets,
    scheme=st.sampled_from(["bearer", "api_key"]),
    faults=st.sampled_from(
        [
            Faults(),
            Faults(mode="down"),
            Faults(mode="refuse"),
            Faults(mode="garbage"),
            Faults(mode="truncated"),
            Faults(error_rate=1.0, error_status=401),
        ]
    ),
)
def test_a_secret_is_in_no_output(
    runner: asyncio.Runner, sandbox: Sandbox, secret: str, scheme: Any, faults: Faults
) -> None:
    """A secret is not in DEBUG records, errors with frame variables, reprs, snapshot or journal."""
    sandbox.faults = faults
    sandbox.clear_journal()

    emitted, _ = runner.run(
        everything(hasty(sandbox.url, AuthOptions(scheme=scheme, secret=secret)))
    )

    assert secret not in emitted
    assert secret not in repr(sandbox.journal)
    assert sandbox.journal


@given(secret=secrets)
def test_a_service_that_quotes_what_it_was_sent(runner: asyncio.Runner, secret: str) -> None:
    """Credentials that the service quotes are masked in messages and records."""

    async def quoting(request: web.BaseRequest) -> web.StreamResponse:
        detail = f"bad token: {request.headers['Authorization']}" + "x" * 300
        return web.json_response({"type": "about:blank", "detail": detail}, status=403)

    async def run() -> str:
        async with serving(quoting) as service:
            settings = hasty(service.url, AuthOptions(scheme="bearer", secret=secret))
            container = Container(settings=providers.Object(settings))
            with everything_logged() as kept:
                async with container.integration():
                    try:
                        await container.port().read(ids(1), Call())
                    except InventoryError as error:
                        said = [r.getMessage() for r in kept.records if r.name != "asyncio"]
                        return f"{error} {said}"
        return "no error"

    emitted = runner.run(run())

    assert "bad token: Bearer *******" in emitted
    assert secret not in emitted


@given(
    secret=secrets,
    token_endpoint_auth_method=st.sampled_from(["client_secret_basic", "client_secret_post"]),
    status=st.sampled_from([200, 201, 400, 503, None]),
)
def test_a_client_secret_is_nowhere(
    runner: asyncio.Runner, secret: str, token_endpoint_auth_method: Any, status: int | None
) -> None:
    """A client's secret and its token are in no output, whatever the endpoint answers."""
    token = "fetched" + secret[::-1].replace(" ", "_")

    async def issuing(request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/token":
            if status is None and request.transport is not None:
                request.transport.abort()
            if status in {200, 201}:
                kind = "Bearer" if status == 200 else "mac"
                return web.json_response({"access_token": token, "token_type": kind})
            refusal = {"error": secret, "error_description": secret}
            return web.json_response(refusal, status=status or 500)
        return web.Response(status=500)

    async def run() -> str:
        async with serving(issuing) as service:
            auth = AuthOptions(
                scheme="client_credentials",
                secret=secret,
                client_id="shop",
                token_endpoint_auth_method=token_endpoint_auth_method,
                token_url=f"{service.url}/token",
            )
            return (await everything(hasty(service.url, auth)))[0]

    emitted = runner.run(run())

    assert secret not in emitted
    assert quote_plus(secret) not in emitted
    assert token not in emitted


@given(secret=secrets, json=st.booleans(), verbose=st.booleans())
def test_the_command_shows_no_secret(secret: str, json: bool, verbose: bool) -> None:
    """`check` and its errors show the origin of a secret, but not the secret."""
    out, err = io.StringIO(), io.StringIO()
    arguments = ["check", *["--json"] * json, *["--verbose"] * verbose]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHELFPORT_BASE_URL", "http://127.0.0.1:9")
        patch.setenv("SHELFPORT_AUTH_SCHEME", "bearer")
        patch.setenv("SHELFPORT_AUTH_SECRET", secret)
        patch.setenv("SHELFPORT_TLS_CERT_FILE", "/nowhere")
        patch.setenv("SHELFPORT_TLS_KEY_PASSWORD", secret)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main(arguments)

    assert "SHELFPORT_AUTH_SECRET" in out.getvalue()
    assert secret not in out.getvalue() + err.getvalue()
    assert secret not in repr(TlsOptions(cert_file="/f", key_password=secret))


@given(detail=hostile, correlation_id=hostile, status=st.sampled_from([200, 401, 418, 500, 503]))
def test_records_cannot_be_forged(
    runner: asyncio.Runner, detail: str, correlation_id: str, status: int
) -> None:
    """Text of the service and the caller's ids cannot add lines to log records."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        content = {"type": detail, "detail": detail, "title": detail, "status": detail}
        return web.json_response(content, status=status)

    async def run() -> Kept:
        async with serving(answer) as service:
            with request_context(correlation_id=correlation_id, traceparent=detail):
                container = Container(settings=providers.Object(hasty(service.url, AuthOptions())))
                with everything_logged() as kept:
                    async with container.integration() as inventory:
                        await inventory.get_stock_levels(ids(2))
                        await inventory.get_stock_level(an_id(1), correlation_id=correlation_id)
        return kept

    ours = [r for r in runner.run(run()).records if r.name.startswith("shelfport")]

    assert ours
    for record in ours:
        fields = [
            v for k, v in record.__dict__.items() if k in {"correlation_id", "error", "status"}
        ]
        assert record.getMessage().isprintable(), record.getMessage()
        assert all(str(field).isprintable() for field in fields)
        assert record.exc_info is None
