"""OAuth 2 client credentials (RFC 6749 §4.4): tokens, bought ahead of time, one purchase for all.

A purchase is a task of the adapter's, never a caller's: one who leaves harms no other. Callers
wait for it only where no token is left, each no longer than it has time.
"""

import asyncio
from http import HTTPStatus
from typing import Final, Protocol
from urllib.parse import quote_plus, urlencode

import aiohttp
import attrs
import msgspec
from aiohttp import hdrs
from multidict import CIMultiDict
from typed_settings import Secret

from shelfport.adapters.http.transport.auth.credentials import (
    AuthOptions,
    NoCredentials,
    SecretSource,
)
from shelfport.adapters.http.transport.body import BadBody, Content, read_body
from shelfport.adapters.http.transport.secret_text import fits_a_header, present_basic, same
from shelfport.adapters.http.transport.session import Session
from shelfport.adapters.http.transport.tls.handshake_errors import tls_failure
from shelfport.adapters.runtime.background import Background
from shelfport.domain.model import Unauthorized
from shelfport.ports import Clock

_MOST_BYTES = 65_536
_LIFETIME: Final = 300.0
"""Seconds that a token lasts whose server does not say (RFC 6749 §5.1 leaves it to us)."""
_PAUSE: Final = 1.0
"""Seconds between a purchase that failed and the next: nobody's outage is helped by haste."""
_YOUNG: Final = 5.0
"""A token that is refused at this age, in seconds, is refused for another reason than its age."""
_KNOWN_ERRORS: Final = {
    "invalid_client",
    "invalid_grant",
    "invalid_request",
    "invalid_scope",
    "unauthorized_client",
    "unsupported_grant_type",
}
"""RFC 6749 §5.2. The server's prose is not quoted: it may hold what it was sent."""


@attrs.frozen
class Token:
    """A token, and the instants of the monotonic clock that matter for it."""

    secret: Secret[str]
    bought: float
    renew_at: float
    expires: float


class TokenSource(Protocol):
    """Where tokens are bought."""

    async def __call__(self) -> tuple[Secret[str], float]:
        """One token, and the seconds that it lasts.

        Raises:
            NoCredentials: there is none to be had.
        """
        ...


class ClientCredentials:
    """A `SecretSource` of tokens that `shop` sells.

    Args:
        shop: sells one token.
        clock: dates them.
        background: owns the purchases.
        refresh_before: seconds before its end at which a token is renewed behind the calls.
    """

    def __init__(
        self, shop: TokenSource, clock: Clock, background: Background, *, refresh_before: float
    ) -> None:
        self._shop = shop
        self._clock = clock
        self._background = background
        self._refresh_before = refresh_before
        self._token: Token | None = None
        self._purchase: asyncio.Future[Token | NoCredentials] | None = None
        self._failed: tuple[float, NoCredentials] | None = None

    async def current(self) -> Secret[str]:
        """See `SecretSource.current`."""
        now = self._clock.monotonic()
        token = self._token
        if token is None or now >= token.expires:
            return (await self._bought(now)).secret
        if now >= token.renew_at and self._purchase is None and self._recent_failure(now) is None:
            self._begin()
        return token.secret

    async def another(self, refused: Secret[str]) -> Secret[str] | None:
        """The token that has replaced the refused one, or a new one; not for one just bought."""
        now = self._clock.monotonic()
        token = self._token
        if token is not None and same(token.secret, refused):
            if now - token.bought < _YOUNG:
                return None
            self._token = None
        return await self.current()

    async def _bought(self, now: float) -> Token:
        """Wait for the purchase under way, or for a new one."""
        if self._purchase is None:
            failure = self._recent_failure(now)
            if failure is not None:
                raise NoCredentials(str(failure), failure.kind) from failure
            self._begin()
        assert self._purchase is not None  # noqa: S101 - for the type checker: just begun
        outcome = await asyncio.shield(self._purchase)
        if isinstance(outcome, NoCredentials):
            raise NoCredentials(str(outcome), outcome.kind) from outcome
        return outcome

    def _recent_failure(self, now: float) -> NoCredentials | None:
        if self._failed is None or now >= self._failed[0] + _PAUSE:
            return None
        return self._failed[1]

    def _begin(self) -> None:
        self._purchase = asyncio.get_running_loop().create_future()
        self._background.start(self._buy(self._purchase), "token purchase")

    async def _buy(self, purchase: "asyncio.Future[Token | NoCredentials]") -> None:
        outcome: Token | NoCredentials = NoCredentials("this process is shutting down")
        try:
            secret, lifetime = await self._shop()
            now = self._clock.monotonic()
            ahead = min(self._refresh_before, lifetime / 2)
            self._token = outcome = Token(secret, now, now + lifetime - ahead, now + lifetime)
            self._failed = None
        except NoCredentials as error:
            outcome = error
            self._failed = (self._clock.monotonic(), error)
        finally:
            self._purchase = None
            # A failure is a value: if every caller has left, no exception may be left over.
            purchase.set_result(outcome)


class _Granted(msgspec.Struct, frozen=True):
    access_token: str
    token_type: str
    expires_in: float | None = None

    def __repr__(self) -> str:
        return "_Granted()"


class _Denied(msgspec.Struct, frozen=True):
    error: str = ""


@attrs.frozen
class TokenEndpoint:
    """The `TokenSource` of an authorization server: one POST to its token endpoint."""

    url: str
    options: AuthOptions
    client_secret: SecretSource
    session: Session

    async def __call__(self) -> tuple[Secret[str], float]:
        """See `TokenSource`."""
        client_secret = await self.client_secret.current()
        headers: CIMultiDict[str] = CIMultiDict({hdrs.ACCEPT_ENCODING: "identity"})
        body = None
        if self.options.token_endpoint_auth_method == "client_secret_basic":
            present_basic(headers, hdrs.AUTHORIZATION, self.options.client_id or "", client_secret)
        else:
            body = client_secret
        seconds = self.options.token_timeout
        try:
            async with self.session.request(
                hdrs.METH_POST,
                self.url,
                data=_form(self.options, body),
                headers=headers,
                seconds=seconds,
            ) as response:
                content = await read_body(response, _MOST_BYTES, may_be_packed=False)
        except TimeoutError as error:
            raise NoCredentials(f"{self.url} sold no token within {seconds:.3g} s") from error
        except BadBody as error:
            raise NoCredentials(f"{self.url} sold no token: {error}") from error
        except (aiohttp.ClientError, OSError) as error:
            failure = tls_failure(error)
            if failure is None:
                raise NoCredentials(
                    f"{self.url} sold no token: no connection, or it broke"
                ) from error
            raise NoCredentials(f"{self.url}: {failure.sentence}", failure.kind) from error
        if response.status == HTTPStatus.OK:
            return self._granted(content)
        raise self._refusal(response.status, content)

    def _granted(self, content: Content) -> tuple[Secret[str], float]:
        try:
            granted = msgspec.json.decode(bytes(content), type=_Granted)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            # Not as the cause: nothing of this body may be quoted.
            raise NoCredentials(f"{self.url} answered 200, but with no token") from None
        secret = Secret(granted.access_token)
        if granted.token_type.lower() != "bearer" or not fits_a_header(secret):
            raise NoCredentials(f"{self.url} sold a token that is no bearer token", Unauthorized)
        lifetime = granted.expires_in
        if lifetime is None:
            return secret, _LIFETIME
        return secret, min(max(lifetime, 1.0), 86_400.0)

    def _refusal(self, status: int, content: Content) -> NoCredentials:
        """4xx is for a person to mend (RFC 6749 §5.2), but for 408 and 429; the rest passes."""
        sentence = f"{self.url} sold no token: it answered {status}{_code_of(content)}"
        if status >= 500 or status in {408, 429}:
            return NoCredentials(sentence)
        return NoCredentials(f"{sentence}; are the settings of `auth` right?", Unauthorized)


def _form(options: AuthOptions, client_secret: Secret[str] | None) -> aiohttp.BytesPayload:
    """The request's body (RFC 6749 §4.4.2), boxed: a `repr` of the payload shows none of it."""
    fields = {"grant_type": "client_credentials"}
    if options.scope:
        fields["scope"] = options.scope
    if client_secret is None:
        return _boxed(urlencode(fields))
    fields["client_id"] = options.client_id or ""
    return _boxed(
        f"{urlencode(fields)}&client_secret={quote_plus(client_secret.get_secret_value())}"
    )


def _boxed(form: str) -> aiohttp.BytesPayload:
    return aiohttp.BytesPayload(form.encode(), content_type="application/x-www-form-urlencoded")


def _code_of(content: Content) -> str:
    try:
        denied = msgspec.json.decode(bytes(content), type=_Denied)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
    return f" ({denied.error})" if denied.error in _KNOWN_ERRORS else ""
