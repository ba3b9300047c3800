"""Credentials: each scheme, each source of a secret, and the reaction to a 401."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from multidict import CIMultiDict
from typed_settings import Secret

from shelfport import (
    Settings,
    StockReading,
    SystemClock,
    build,
)
from shelfport.adapters.http.transport.secret_header import set_basic, set_secret
from shelfport.errors import BadFile, CredentialsUnavailable, Unauthorized
from shelfport.http import HostSecret, HttpInventory
from shelfport.options import AuthOptions, HttpOptions
from shelfport.ports import DEFAULT_CALL
from tests.support.servers import Handler, Service, problem, serving, stocked
from tests.support.values import an_id, ids

VARIANT = an_id(1)


@asynccontextmanager
async def asking(
    service: Service, auth: AuthOptions | None = None, secret: HostSecret | None = None
) -> AsyncIterator[HttpInventory]:
    options = HttpOptions(attempt_timeout=10, file_poll_interval=0.02)
    async with HttpInventory(
        service.url, clock=SystemClock(), options=options, auth=auth, secret=secret
    ) as port:
        yield port


def wanting(header: str, accepted: Callable[[], str]) -> Handler:
    """A service that answers 401 unless `header` has the value `accepted()`."""
    known = stocked(ids(9))

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        if request.headers.get(header) != accepted():
            return problem(401, "unauthenticated")
        return await known(request)

    return handler


async def read(port: HttpInventory) -> None:
    answers = await port.read([VARIANT], DEFAULT_CALL)
    assert isinstance(answers[VARIANT], StockReading)


async def test_none() -> None:
    """Without a scheme no credentials are sent."""
    async with serving(stocked(ids(1))) as service, asking(service) as port:
        await read(port)

    assert "Authorization" not in service.requests[0].headers


async def test_a_bearer_token() -> None:
    """A token goes into the Authorization header (RFC 6750), and into no `repr`."""
    auth = AuthOptions(scheme="bearer", secret="s3cret")
    async with (
        serving(wanting("Authorization", lambda: "Bearer s3cret")) as service,
        asking(service, auth) as port,
    ):
        await read(port)

    assert "s3cret" not in f"{vars(port)} {auth}"


async def test_an_api_key() -> None:
    """A key goes into the header that the settings name, and Authorization stays empty."""
    auth = AuthOptions(scheme="api_key", secret="k3y", header="X-Shop-Key")
    async with (
        serving(wanting("X-Shop-Key", lambda: "k3y")) as service,
        asking(service, auth) as port,
    ):
        await read(port)

    assert "Authorization" not in service.requests[0].headers


async def test_token_is_short_for_bearer() -> None:
    """The setting `token` is the scheme bearer with that secret."""
    async with (
        serving(wanting("Authorization", lambda: "Bearer s3cret")) as service,
        build(Settings(base_url=service.url, token="s3cret")) as inventory,
    ):
        assert isinstance(await inventory.get_stock_level(VARIANT), StockReading)


async def test_a_secret_in_a_file_is_read_again(tmp_path: Path) -> None:
    """A rotated secret is sent soon, without the white space around it."""
    file = tmp_path / "secret"
    file.write_text("one\n")
    auth = AuthOptions(scheme="bearer", secret_file=str(file))
    async with serving(stocked(ids(1))) as service, asking(service, auth) as port:
        await read(port)
        file.write_text(" two\n")
        async with asyncio.timeout(10):
            while service.requests[-1].headers["Authorization"] != "Bearer two":
                await asyncio.sleep(0.01)
                await read(port)

    assert "Bearer one" == service.requests[0].headers["Authorization"]


async def test_a_401_reloads_the_file(tmp_path: Path) -> None:
    """After a 401 a changed file is read at once, and the call succeeds."""
    file = tmp_path / "secret"
    file.write_text("one")
    auth = AuthOptions(scheme="bearer", secret_file=str(file))
    async with (
        serving(wanting("Authorization", lambda: f"Bearer {file.read_text()}")) as service,
        HttpInventory(service.url, clock=SystemClock(), auth=auth) as port,
    ):
        file.write_text("two!")
        await read(port)

    assert ["Bearer one", "Bearer two!"] == [r.headers["Authorization"] for r in service.requests]


async def test_a_secret_that_is_refused_is_not_repeated(tmp_path: Path) -> None:
    """Without another secret, a 401 is not repeated, and is a permanent error."""
    (tmp_path / "secret").write_text("s3cret")
    for auth in (
        AuthOptions(scheme="bearer", secret="s3cret"),
        AuthOptions(scheme="bearer", secret_file=str(tmp_path / "secret")),
    ):
        async with (
            serving(wanting("Authorization", lambda: "")) as service,
            asking(service, auth) as port,
        ):
            with pytest.raises(Unauthorized):
                await read(port)

        assert 1 == len(service.requests)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"", "it is empty"), (b"a\nb", "a header must not have"), (b"\xff", "not text in UTF-8")],
)
async def test_bad_secret_files(tmp_path: Path, content: bytes, sentence: str) -> None:
    """Opening refuses a file without a usable secret; the message does not quote its content."""
    (tmp_path / "secret").write_bytes(content)
    auth = AuthOptions(scheme="bearer", secret_file=str(tmp_path / "secret"))
    port = HttpInventory("http://127.0.0.1:9", clock=SystemClock(), auth=auth)

    with pytest.raises(BadFile, match="auth.secret_file is") as info:  # noqa: RUF043 - any character will do
        await port.__aenter__()

    assert sentence in str(info.value)


def plain() -> str:
    return "s3cret"


async def awaited() -> Secret[str]:
    return Secret("s3cret")


@pytest.mark.parametrize("secret", [plain, awaited])
async def test_a_hosts_own_source(secret: HostSecret) -> None:
    """The host's own callable, plain or async, returns the token for each request."""
    async with (
        serving(wanting("Authorization", lambda: "Bearer s3cret")) as service,
        build(Settings(base_url=service.url), secret=secret) as inventory,
    ):
        assert isinstance(await inventory.get_stock_level(VARIANT), StockReading)


async def test_a_hosts_own_source_after_a_401() -> None:
    """After a 401 the callable is called again, and a different secret is sent."""
    given = iter(["old", "new", "new"])
    async with (
        serving(wanting("Authorization", lambda: "Bearer new")) as service,
        asking(service, None, lambda: next(given)) as port,
    ):
        await read(port)
        await read(port)

    assert 3 == len(service.requests)


def failing() -> str:
    raise LookupError("the vault says: s3cret")


@pytest.mark.parametrize(
    ("secret", "kind"),
    [(failing, CredentialsUnavailable), (lambda: "a\nb", Unauthorized), (lambda: "", Unauthorized)],
)
async def test_a_hosts_source_that_fails(secret: HostSecret, kind: type[Exception]) -> None:
    """No request is sent, and the message does not quote the host's own error."""
    async with serving(stocked(ids(1))) as service, asking(service, None, secret) as port:
        with pytest.raises(kind, match="no credentials: the host's own source") as info:
            await read(port)

    assert ([], False) == (service.requests, "s3cret" in str(info.value))


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: AuthOptions(secret="s"), "secret is set, but scheme is none"),
        (lambda: AuthOptions(secret_file="/f"), "secret_file is set, but scheme is none"),
        (
            lambda: AuthOptions(scheme="bearer", secret="s", secret_file="/f"),
            "secret_file is set, and so is secret",
        ),
        (lambda: AuthOptions(scheme="basic"), "scheme is 'basic': it must be one of none, bearer"),  # type: ignore[arg-type]  # that is the point
        (lambda: AuthOptions(scheme="bearer", secret="a\r\nX: b"), "secret is empty, or has"),
        (lambda: AuthOptions(scheme="bearer", secret=""), "secret is empty, or has"),
        (lambda: AuthOptions(header="X Key"), "header is 'X Key': it must be the name of a header"),
        (lambda: AuthOptions(header="Host"), "a header that every request sets already"),
        (
            lambda: AuthOptions(scheme="client_credentials", secret="s", client_id="shop"),
            "token_url is not set",
        ),
        (
            lambda: AuthOptions(
                scheme="client_credentials", client_id="shop", token_url="https://id.example/"
            ),
            "secret is not set, nor is secret_file",
        ),
        (
            lambda: AuthOptions(token_url="https://a:b@id.example/"),
            "token_url contains credentials",
        ),
        (
            lambda: Settings(
                auth=AuthOptions(
                    scheme="client_credentials",
                    client_id="shop",
                    secret="s",
                    token_url="http://id.example/",
                )
            ),
            "auth.token_url is 'http://id.example/': plain http",
        ),
        (
            lambda: Settings(token="s", auth=AuthOptions(scheme="bearer", secret="t")),
            "token is set, and auth.scheme is bearer: set one of them",
        ),
        (
            lambda: build(
                Settings(base_url="https://a.example", auth=AuthOptions(scheme="bearer"))
            ),
            "auth.scheme is bearer, but there is no secret",
        ),
        (
            lambda: build(Settings(base_url="https://a.example", token="s"), secret=plain),
            "there are two secrets",
        ),
    ],
)
def test_contradicting_settings(make: Callable[[], Any], sentence: str) -> None:
    """Settings that contradict each other are refused when they are made."""
    with pytest.raises(ValueError, match=r".") as info:
        make()

    assert sentence in str(info.value)


def test_headers_show_no_secret() -> None:
    """Headers in aiohttp hold the secret's text, and their `repr` shows a mask."""
    headers: CIMultiDict[str] = CIMultiDict()
    set_secret(headers, "Authorization", "Bearer ", Secret("s3cret"))
    set_basic(headers, "X-Other", "shop", Secret("s3cret"))

    assert "Bearer s3cret" == headers["Authorization"]
    assert "Basic c2hvcDpzM2NyZXQ=" == headers["X-Other"]
    assert "<CIMultiDict('Authorization': '*******', 'X-Other': '*******')>" == repr(headers)
