"""Credentials: where the secret comes from, and how a request presents it (R27)."""

import asyncio
import inspect
import re
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final, Literal, Protocol, get_args

import aiohttp
import attrs
from aiohttp import hdrs
from typed_settings import Secret

from shelfport.adapters.http.transport.address import plain_address
from shelfport.adapters.http.transport.reloading_file import BadFile, ReloadingFile, because
from shelfport.adapters.http.transport.secret_text import (
    fits_a_header,
    optional_secret,
    present,
    same,
)
from shelfport.domain.model import CredentialsUnavailable, InventoryError, Unauthorized
from shelfport.domain.model.validators import number

Scheme = Literal["none", "bearer", "api_key", "client_credentials"]
ClientAuth = Literal["client_secret_basic", "client_secret_post"]

HostSecret = Callable[[], str | Secret[str] | Awaitable[str | Secret[str]]]
"""A host's own source: gives the bearer token or the API key to present now. It is asked for each
request, so it keeps what it may keep; a plain function must not block."""

_SCHEMES: Final = get_args(Scheme)
_FIELD_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_NOT_OURS: Final = {"accept", "connection", "content-length", "content-type", "host", "user-agent"}


def _one_of(
    choices: Sequence[str],
) -> Callable[[object, "attrs.Attribute[Any]", Any], None]:
    def validate(_instance: object, field: "attrs.Attribute[Any]", value: Any) -> None:
        if value not in choices:
            raise ValueError(f"{field.name} is {value!r}: it must be one of {', '.join(choices)}")

    return validate


def _header_name(_instance: object, field: "attrs.Attribute[Any]", value: Any) -> None:
    if not isinstance(value, str) or _FIELD_NAME.fullmatch(value) is None:
        raise ValueError(f"{field.name} is {value!r}: it must be the name of a header")
    if value.lower() in _NOT_OURS:
        raise ValueError(f"{field.name} is {value!r}, which says something else in every request")


def _nonempty(_instance: object, field: "attrs.Attribute[Any]", value: Secret[str] | None) -> None:
    if value is not None and not fits_a_header(value):
        raise ValueError(f"{field.name} is empty, or has characters that no header may carry")


@attrs.frozen(kw_only=True)
class AuthOptions:
    """How requests show who asks. `scheme` decides which of the others count; durations: seconds.

    `none`: not at all. `bearer`: the secret is a token (RFC 6750). `api_key`: it is the header
    `header`. `client_credentials`: it is a client's, which buys tokens at `token_url` (RFC 6749
    §4.4). The secret is `secret`, or what `secret_file` has in it, or a callable of the host's.
    """

    scheme: Scheme = attrs.field(default="none", validator=_one_of(_SCHEMES))
    """`none`, `bearer`, `api_key` or `client_credentials`: which of the others count.

    Why: a private network may ask for nothing; whatever is asked for has to be said."""
    secret: Secret[str] | None = attrs.field(
        default=None, converter=optional_secret, validator=_nonempty
    )
    """The bearer token, the API key or the client's secret. Never printed."""
    secret_file: str | None = None
    """A file that holds it, read again when it changes.

    Why: orchestrators mount secrets as files, and rotate them there."""
    header: str = attrs.field(default="X-API-Key", validator=_header_name)
    """With `api_key`: which header it goes into.

    Why: there is no standard, and this is what most take."""
    token_url: str | None = attrs.field(default=None, validator=plain_address)
    """With `client_credentials`: the authorization server's token endpoint;
    https, as for `base_url`."""
    client_id: str | None = None
    """With `client_credentials`: who we are at the authorization server."""
    token_endpoint_auth_method: ClientAuth = attrs.field(
        default="client_secret_basic", validator=_one_of(get_args(ClientAuth))
    )
    """With `client_credentials`: whether the secret goes in a Basic header or in the body.

    Why: the way that every authorization server must know (RFC 6749 §2.3.1); `client_secret_post`
    for those that do not."""
    scope: str | None = None
    """With `client_credentials`: what to ask for, separated by blanks. Without it,
    what the server gives by itself."""
    refresh_before: float = attrs.field(default=60.0, validator=number(0, 86_400, unit="seconds"))
    """With `client_credentials`: this long before its end a token is renewed, behind the calls; at
    most half of its life.

    Why: a token is renewed while it still serves, so that nobody waits for the new one."""
    token_timeout: float = attrs.field(default=5.0, validator=number(0.001, 60, unit="seconds"))
    """With `client_credentials`: for one request to the token endpoint. A call that has less time
    does not wait for it.

    Why: authorization servers are slow, and a late token still serves the next call."""

    def __attrs_post_init__(self) -> None:
        if self.scheme == "none":
            for name in ("secret", "secret_file", "token_url", "client_id"):
                if getattr(self, name) is not None:
                    raise ValueError(
                        f"{name} is set, but scheme is none: how shall it be shown? Set scheme to "
                        f"one of {', '.join(_SCHEMES[1:])}"
                    )
        if self.secret is not None and self.secret_file is not None:
            raise ValueError("secret_file is set, and so is secret: set one of them")
        if self.scheme == "client_credentials":
            for name in ("token_url", "client_id"):
                if not getattr(self, name):
                    raise ValueError(f"{name} is not set, but scheme is client_credentials")
            if self.secret is None and self.secret_file is None:
                raise ValueError(
                    "secret is not set, nor is secret_file, but scheme is client_credentials"
                )


class NoCredentials(Exception):
    """No credentials could be had, so nothing was sent; `kind` is what the port says of it."""

    def __init__(self, sentence: str, kind: type[InventoryError] = CredentialsUnavailable) -> None:
        super().__init__(sentence)
        self.kind = kind


class SecretSource(Protocol):
    """Where the secret of a request comes from."""

    async def current(self) -> Secret[str]:
        """What to present now.

        Raises:
            NoCredentials: there is nothing to present.
        """
        ...

    async def another(self, refused: Secret[str]) -> Secret[str] | None:
        """After a 401 to `refused`: what to present in its place, if there is anything.

        Raises:
            NoCredentials: there would be, but it could not be had.
        """
        ...


@attrs.frozen
class FixedSecret:
    """A secret of the settings."""

    secret: Secret[str]

    async def current(self) -> Secret[str]:
        """See `SecretSource.current`."""
        return self.secret

    async def another(self, refused: Secret[str]) -> Secret[str] | None:  # noqa: ARG002 - the port's
        """There is no other."""
        return None


@attrs.frozen
class FileSecret:
    """A secret in a file, as it was last read; after a 401 it is looked at once more."""

    watched: ReloadingFile[Secret[str]]

    async def current(self) -> Secret[str]:
        """See `SecretSource.current`."""
        return self.watched.value

    async def another(self, refused: Secret[str]) -> Secret[str] | None:
        """The file's, if it has changed meanwhile."""
        await asyncio.to_thread(self.watched.look)
        return None if same(self.watched.value, refused) else self.watched.value


@attrs.frozen
class CallableSecret:
    """A secret that a callable of the host's gives."""

    ask: HostSecret

    async def current(self) -> Secret[str]:
        """See `SecretSource.current`."""
        return _checked(await self._asked())

    async def _asked(self) -> Secret[str]:
        try:
            given = self.ask()
            return _boxed(await given if inspect.isawaitable(given) else given)
        except Exception as error:
            raise NoCredentials(
                f"the host's own source of credentials failed: {type(error).__name__}"
            ) from error

    async def another(self, refused: Secret[str]) -> Secret[str] | None:
        """What it gives when it is asked once more, if that is another."""
        given = await self.current()
        return None if same(given, refused) else given


def _boxed(given: object) -> Secret[str]:
    if isinstance(given, Secret):
        return given
    if isinstance(given, str):
        return Secret(given)
    raise TypeError(f"it gave a {type(given).__name__}, which is no str")


def _checked(secret: Secret[str]) -> Secret[str]:
    if not isinstance(secret.get_secret_value(), str) or not fits_a_header(secret):
        raise NoCredentials(
            "the host's own source of credentials gave nothing that a header may carry",
            Unauthorized,
        )
    return secret


def secret_file(path: str) -> ReloadingFile[Secret[str]]:
    """The secret that the file `path` holds, without the white space around it."""
    return ReloadingFile("the secret's file", (path,), lambda: _read(path))


def _read(path: str) -> Secret[str]:
    try:
        secret = Secret(Path(path).read_text("utf-8").strip())
    except OSError as error:
        raise BadFile(f"auth.secret_file is {path!r}: {because(error)}") from error
    except UnicodeDecodeError:
        # Not as the cause: it quotes what it could not decode.
        raise BadFile(f"auth.secret_file is {path!r}: it holds no text") from None
    if not fits_a_header(secret):
        raise BadFile(
            f"auth.secret_file is {path!r}: it is empty, or holds what no header may carry"
        )
    return secret


class Credentials:
    """What every request presents: a secret of `source`, in the header `header` after `prefix`."""

    def __init__(
        self, source: SecretSource, header: str = hdrs.AUTHORIZATION, prefix: str = "Bearer "
    ) -> None:
        self._source = source
        self._header = header
        self._prefix = prefix
        self._presented: deque[Secret[str]] = deque(maxlen=4)

    @property
    def presented(self) -> Sequence[Secret[str]]:
        """The latest secrets that were presented: a service may quote them."""
        return self._presented

    async def present(self, request: aiohttp.ClientRequest) -> Secret[str]:
        """Put the current secret into `request`."""
        return self._put(request, await self._source.current())

    async def present_another(
        self, request: aiohttp.ClientRequest, refused: Secret[str]
    ) -> Secret[str] | None:
        """Put another secret than `refused` into `request`, if there is one."""
        secret = await self._source.another(refused)
        return None if secret is None else self._put(request, secret)

    def _put(self, request: aiohttp.ClientRequest, secret: Secret[str]) -> Secret[str]:
        present(request.headers, self._header, self._prefix, secret)
        if not any(secret is known for known in self._presented):
            self._presented.append(secret)
        return secret


@attrs.define(eq=False)
class Presenting:
    """The aiohttp client middleware of one request: presents the credentials.

    Outside of the middleware that keeps aiohttp from re-sending, so that whatever is sent passes
    here. A 401 is answered once, if there is another secret to present (RFC 9110 §11.1): that the
    service refused is part of the exchange, and no attempt of its own.
    """

    credentials: Credentials | None
    waiting: bool = True
    """Whether nothing was sent yet."""

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Send `request` with the credentials."""
        if self.credentials is None:
            self.waiting = False
            return await handler(request)
        secret = await self.credentials.present(request)
        self.waiting = False
        response = await handler(request)
        if response.status != 401:
            return response
        try:
            if await self.credentials.present_another(request, secret) is None:
                return response
        except BaseException:
            response.close()
            raise
        response.release()
        return await handler(request)
