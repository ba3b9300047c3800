"""Credentials: where the secret of a request comes from, and how it is sent."""

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
from shelfport.adapters.http.transport.secret_header import fits_a_header, set_secret
from shelfport.adapters.runtime.secret_text import optional_secret, same_secret
from shelfport.domain.model import CredentialsUnavailable, InventoryError, Unauthorized
from shelfport.domain.model.validators import number

Scheme = Literal["none", "bearer", "api_key", "client_credentials"]
ClientAuth = Literal["client_secret_basic", "client_secret_post"]

HostSecret = Callable[[], str | Secret[str] | Awaitable[str | Secret[str]]]
"""A host's own source of the secret: returns the current bearer token or API key. It is called for
each request, so it should cache; a plain function must not block."""

_SCHEMES: Final = get_args(Scheme)
_FIELD_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_RESERVED: Final = {"accept", "connection", "content-length", "content-type", "host", "user-agent"}


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
    if value.lower() in _RESERVED:
        raise ValueError(f"{field.name} is {value!r}, a header that every request sets already")


def _header_text(
    _instance: object, field: "attrs.Attribute[Any]", value: Secret[str] | None
) -> None:
    if value is not None and not fits_a_header(value):
        raise ValueError(f"{field.name} is empty, or has characters that a header must not have")


@attrs.frozen(kw_only=True)
class AuthOptions:
    """The credentials of requests. `scheme` decides which other settings apply; durations: seconds.

    `none`: no credentials. `bearer`: the secret is a token (RFC 6750). `api_key`: the secret goes
    into the header `header`. `client_credentials`: the secret is a client's; tokens are fetched
    from `token_url` with it (RFC 6749 §4.4). The secret is `secret`, the content of `secret_file`,
    or what the host's own callable returns.
    """

    scheme: Scheme = attrs.field(default="none", validator=_one_of(_SCHEMES))
    """`none`, `bearer`, `api_key` or `client_credentials`: decides which other settings apply.

    Why: a service in a private network may need no credentials; any other scheme must be set."""
    secret: Secret[str] | None = attrs.field(
        default=None, converter=optional_secret, validator=_header_text
    )
    """The bearer token, the API key or the client's secret. Never printed."""
    secret_file: str | None = None
    """A file that holds the secret, read again when it changes.

    Why: orchestrators mount secrets as files, and rotate them there."""
    header: str = attrs.field(default="X-API-Key", validator=_header_name)
    """With `api_key`: the header for the secret.

    Why: there is no standard; this name is the most common."""
    token_url: str | None = attrs.field(default=None, validator=plain_address)
    """With `client_credentials`: the authorization server's token endpoint;
    https, as for `base_url`."""
    client_id: str | None = None
    """With `client_credentials`: the client's id at the authorization server."""
    token_endpoint_auth_method: ClientAuth = attrs.field(
        default="client_secret_basic", validator=_one_of(get_args(ClientAuth))
    )
    """With `client_credentials`: whether the secret goes in a Basic header or in the body.

    Why: every authorization server must support the Basic header (RFC 6749 §2.3.1); set
    `client_secret_post` for one that does not."""
    scope: str | None = None
    """With `client_credentials`: the scopes to request, separated by blanks. Without it, the server
    decides."""
    refresh_before: float = attrs.field(default=60.0, validator=number(0, 86_400, unit="seconds"))
    """With `client_credentials`: how long before its expiry a token is renewed, in the background;
    at most half of its lifetime.

    Why: a token is renewed while it is still valid, so that no call waits for the new one."""
    token_timeout: float = attrs.field(default=5.0, validator=number(0.001, 60, unit="seconds"))
    """With `client_credentials`: for one request to the token endpoint. A call waits for it no
    longer than its own time.

    Why: authorization servers are slow, and a late token still serves the next call."""

    def __attrs_post_init__(self) -> None:
        if self.scheme == "none":
            for name in ("secret", "secret_file", "token_url", "client_id"):
                if getattr(self, name) is not None:
                    raise ValueError(
                        f"{name} is set, but scheme is none: set scheme to one of "
                        f"{', '.join(_SCHEMES[1:])}"
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
    """There were no credentials, so no request was sent; `kind` is the port's error class."""

    def __init__(self, sentence: str, kind: type[InventoryError] = CredentialsUnavailable) -> None:
        super().__init__(sentence)
        self.kind = kind


class SecretSource(Protocol):
    """Where the secret of a request comes from."""

    async def current(self) -> Secret[str]:
        """The secret to send now.

        Raises:
            NoCredentials: there is none.
        """
        ...

    async def replacement(self, refused: Secret[str]) -> Secret[str] | None:
        """After a 401 for `refused`: another secret to send, if there is one.

        Raises:
            NoCredentials: fetching another one failed.
        """
        ...


@attrs.frozen
class FixedSecret:
    """A secret of the settings."""

    secret: Secret[str]

    async def current(self) -> Secret[str]:
        """See `SecretSource.current`."""
        return self.secret

    async def replacement(
        self,
        refused: Secret[str],  # noqa: ARG002 - the protocol's
    ) -> Secret[str] | None:
        """None: there is no other secret."""
        return None


@attrs.frozen
class FileSecret:
    """A secret in a file, as it was last read; after a 401 the file is checked for changes."""

    file: ReloadingFile[Secret[str]]

    async def current(self) -> Secret[str]:
        """See `SecretSource.current`."""
        return self.file.value

    async def replacement(self, refused: Secret[str]) -> Secret[str] | None:
        """The file's secret, if it has changed."""
        await asyncio.to_thread(self.file.reload_if_changed)
        return None if same_secret(self.file.value, refused) else self.file.value


@attrs.frozen
class CallableSecret:
    """A secret that the host's own callable returns."""

    get: HostSecret

    async def current(self) -> Secret[str]:
        """See `SecretSource.current`."""
        return _checked(await self._get())

    async def _get(self) -> Secret[str]:
        try:
            returned = self.get()
            return _as_secret(await returned if inspect.isawaitable(returned) else returned)
        except Exception as error:
            raise NoCredentials(
                f"the host's own source of credentials failed: {type(error).__name__}"
            ) from error

    async def replacement(self, refused: Secret[str]) -> Secret[str] | None:
        """The result of another call, if it differs from `refused`."""
        secret = await self.current()
        return None if same_secret(secret, refused) else secret


def _as_secret(returned: object) -> Secret[str]:
    if isinstance(returned, Secret):
        return returned
    if isinstance(returned, str):
        return Secret(returned)
    raise TypeError(f"it returned a {type(returned).__name__}, which is not a str")


def _checked(secret: Secret[str]) -> Secret[str]:
    if not isinstance(secret.get_secret_value(), str) or not fits_a_header(secret):
        raise NoCredentials(
            "the host's own source of credentials returned text that a header must not have",
            Unauthorized,
        )
    return secret


def read_secret_file(path: str) -> ReloadingFile[Secret[str]]:
    """The secret in the file `path`, without white space around it."""
    return ReloadingFile("the secret's file", (path,), lambda: _read(path))


def _read(path: str) -> Secret[str]:
    try:
        secret = Secret(Path(path).read_text("utf-8").strip())
    except OSError as error:
        raise BadFile(f"auth.secret_file is {path!r}: {because(error)}") from error
    except UnicodeDecodeError:
        # Without the cause, which quotes the file's content.
        raise BadFile(f"auth.secret_file is {path!r}: it is not text in UTF-8") from None
    if not fits_a_header(secret):
        raise BadFile(
            f"auth.secret_file is {path!r}: it is empty, or has characters that a header must not "
            "have"
        )
    return secret


class Credentials:
    """The credentials of requests: a secret of `source`, after `prefix` in the header `header`."""

    def __init__(
        self, source: SecretSource, header: str = hdrs.AUTHORIZATION, prefix: str = "Bearer "
    ) -> None:
        self._source = source
        self._header = header
        self._prefix = prefix
        self._sent: deque[Secret[str]] = deque(maxlen=4)

    @property
    def sent(self) -> Sequence[Secret[str]]:
        """The latest secrets that were sent: the service may quote them."""
        return self._sent

    async def add_to(self, request: aiohttp.ClientRequest) -> Secret[str]:
        """Add the current secret to `request`."""
        return self._add(request, await self._source.current())

    async def replace_in(
        self, request: aiohttp.ClientRequest, refused: Secret[str]
    ) -> Secret[str] | None:
        """Replace the secret `refused` in `request`, if there is another one."""
        secret = await self._source.replacement(refused)
        return None if secret is None else self._add(request, secret)

    def _add(self, request: aiohttp.ClientRequest, secret: Secret[str]) -> Secret[str]:
        set_secret(request.headers, self._header, self._prefix, secret)
        if not any(secret is known for known in self._sent):
            self._sent.append(secret)
        return secret


@attrs.define(eq=False)
class CredentialsMiddleware:
    """The aiohttp client middleware of one request: adds the credentials.

    After a 401 it sends the request once more, if there is another secret (RFC 9110 §11.1); both
    requests are one attempt.
    """

    credentials: Credentials | None
    sent: bool = False
    """Whether the request was sent."""

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Send `request` with the credentials."""
        if self.credentials is None:
            self.sent = True
            return await handler(request)
        secret = await self.credentials.add_to(request)
        self.sent = True
        response = await handler(request)
        if response.status != 401:
            return response
        try:
            if await self.credentials.replace_in(request, secret) is None:
                return response
        except BaseException:
            response.close()
            raise
        response.release()
        return await handler(request)
