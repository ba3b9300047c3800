"""OAuth 2 client credentials (RFC 6749 §4.4).

Fetches tokens before they expire; concurrent callers share one fetch. A fetch is a background task,
so a caller that leaves does not cancel it. A caller waits for it only while there is no valid
token, and no longer than its own time.
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
from shelfport.adapters.http.transport.secret_header import fits_a_header, set_basic
from shelfport.adapters.http.transport.session import Session
from shelfport.adapters.http.transport.tls.handshake_errors import tls_failure
from shelfport.adapters.runtime.background import Background
from shelfport.adapters.runtime.secret_text import same_secret
from shelfport.domain.model import Unauthorized
from shelfport.ports import Clock

_MAX_BYTES = 65_536
_DEFAULT_LIFETIME: Final = 300.0
"""Seconds that a token without `expires_in` is used (RFC 6749 §5.1 leaves it to the client)."""
_BACKOFF: Final = 1.0
"""Seconds between a failed fetch and the next."""
_MIN_AGE: Final = 5.0
"""Seconds: a younger token that is refused is not replaced, as its age is not the reason."""
_KNOWN_ERRORS: Final = {
    "invalid_client",
    "invalid_grant",
    "invalid_request",
    "invalid_scope",
    "unauthorized_client",
    "unsupported_grant_type",
}
"""RFC 6749 §5.2. The server's own text is not quoted, as it may repeat the secret."""


@attrs.frozen
class Token:
    """A token, with instants of the monotonic clock."""

    secret: Secret[str]
    fetched_at: float
    refresh_at: float
    expires_at: float


class TokenSource(Protocol):
    """Fetches tokens."""

    async def __call__(self) -> tuple[Secret[str], float]:
        """Fetch one token, and the seconds that it is valid.

        Raises:
            NoCredentials: there is no token.
        """
        ...


class ClientCredentials:
    """A `SecretSource` of tokens from `fetch_token`.

    Args:
        fetch_token: fetches one token.
        clock: dates tokens.
        background: runs the fetches.
        refresh_before: seconds before its expiry at which a token is renewed in the background.
    """

    def __init__(
        self,
        fetch_token: TokenSource,
        clock: Clock,
        background: Background,
        *,
        refresh_before: float,
    ) -> None:
        self._fetch_token = fetch_token
        self._clock = clock
        self._background = background
        self._refresh_before = refresh_before
        self._token: Token | None = None
        self._pending: asyncio.Future[Token | NoCredentials] | None = None
        self._failed: tuple[float, NoCredentials] | None = None

    async def current(self) -> Secret[str]:
        """See `SecretSource.current`."""
        now = self._clock.monotonic()
        token = self._token
        if token is None or now >= token.expires_at:
            return (await self._fetched(now)).secret
        if now >= token.refresh_at and self._pending is None and self._recent_failure(now) is None:
            self._start_fetch()
        return token.secret

    async def replacement(self, refused: Secret[str]) -> Secret[str] | None:
        """The token that replaced the refused one, or a new one; None if it was just fetched."""
        now = self._clock.monotonic()
        token = self._token
        if token is not None and same_secret(token.secret, refused):
            if now - token.fetched_at < _MIN_AGE:
                return None
            self._token = None
        return await self.current()

    async def _fetched(self, now: float) -> Token:
        """Wait for the pending fetch, or start one."""
        if self._pending is None:
            failure = self._recent_failure(now)
            if failure is not None:
                raise NoCredentials(str(failure), failure.kind) from failure
            self._start_fetch()
        assert self._pending is not None  # noqa: S101 - for the type checker: just started
        outcome = await asyncio.shield(self._pending)
        if isinstance(outcome, NoCredentials):
            raise NoCredentials(str(outcome), outcome.kind) from outcome
        return outcome

    def _recent_failure(self, now: float) -> NoCredentials | None:
        if self._failed is None or now >= self._failed[0] + _BACKOFF:
            return None
        return self._failed[1]

    def _start_fetch(self) -> None:
        self._pending = asyncio.get_running_loop().create_future()
        self._background.start(self._fetch(self._pending), "token fetch")

    async def _fetch(self, pending: "asyncio.Future[Token | NoCredentials]") -> None:
        outcome: Token | NoCredentials = NoCredentials("this process is shutting down")
        try:
            secret, lifetime = await self._fetch_token()
            now = self._clock.monotonic()
            ahead = min(self._refresh_before, lifetime / 2)
            self._token = outcome = Token(secret, now, now + lifetime - ahead, now + lifetime)
            self._failed = None
        except NoCredentials as error:
            outcome = error
            self._failed = (self._clock.monotonic(), error)
        finally:
            self._pending = None
            # A failure is a result: if every caller has left, an exception would go unretrieved.
            pending.set_result(outcome)


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
    """The `TokenSource` of an authorization server: a token is one POST to its token endpoint."""

    url: str
    options: AuthOptions
    client_secret: SecretSource
    session: Session

    async def __call__(self) -> tuple[Secret[str], float]:
        """See `TokenSource`."""
        client_secret = await self.client_secret.current()
        headers: CIMultiDict[str] = CIMultiDict({hdrs.ACCEPT_ENCODING: "identity"})
        body = None
        if self.options.token_endpoint_auth_method == "client_secret_basic":  # noqa: S105 - a name
            set_basic(headers, hdrs.AUTHORIZATION, self.options.client_id or "", client_secret)
        else:
            body = client_secret
        seconds = self.options.token_timeout
        try:
            async with self.session.request(
                hdrs.METH_POST,
                self.url,
                self.session.sending(),
                data=_form(self.options, body),
                headers=headers,
                seconds=seconds,
            ) as response:
                content = await read_body(response, _MAX_BYTES, may_be_compressed=False)
        except TimeoutError as error:
            raise NoCredentials(f"{self.url} gave no token within {seconds:.3g} s") from error
        except BadBody as error:
            raise NoCredentials(f"{self.url} gave no token: {error}") from error
        except (aiohttp.ClientError, OSError) as error:
            failure = tls_failure(error)
            if failure is None:
                raise NoCredentials(f"{self.url} gave no token: the connection failed") from error
            raise NoCredentials(f"{self.url}: {failure.sentence}", failure.kind) from error
        if response.status == HTTPStatus.OK:
            return self._granted(content)
        raise self._refusal(response.status, content)

    def _granted(self, content: Content) -> tuple[Secret[str], float]:
        try:
            granted = msgspec.json.decode(bytes(content), type=_Granted)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            # Without the cause, which may quote the body.
            raise NoCredentials(f"{self.url} answered 200, but without a token") from None
        secret = Secret(granted.access_token)
        if granted.token_type.lower() != "bearer" or not fits_a_header(secret):
            raise NoCredentials(f"{self.url} gave a token that is not a bearer token", Unauthorized)
        lifetime = granted.expires_in
        if lifetime is None:
            return secret, _DEFAULT_LIFETIME
        return secret, min(max(lifetime, 1.0), 86_400.0)

    def _refusal(self, status: int, content: Content) -> NoCredentials:
        """The error of a status: a 4xx other than 408 and 429 is permanent (RFC 6749 §5.2)."""
        sentence = f"{self.url} gave no token: it answered {status}{_code_of(content)}"
        if status >= 500 or status in {408, 429}:
            return NoCredentials(sentence)
        return NoCredentials(f"{sentence}; are the settings of `auth` right?", Unauthorized)


def _form(options: AuthOptions, client_secret: Secret[str] | None) -> aiohttp.BytesPayload:
    """The request's body (RFC 6749 §4.4.2), as a payload whose `repr` does not show it."""
    fields = {"grant_type": "client_credentials"}
    if options.scope:
        fields["scope"] = options.scope
    if client_secret is None:
        return _payload(urlencode(fields))
    fields["client_id"] = options.client_id or ""
    return _payload(
        f"{urlencode(fields)}&client_secret={quote_plus(client_secret.get_secret_value())}"
    )


def _payload(form: str) -> aiohttp.BytesPayload:
    return aiohttp.BytesPayload(form.encode(), content_type="application/x-www-form-urlencoded")


def _code_of(content: Content) -> str:
    try:
        denied = msgspec.json.decode(bytes(content), type=_Denied)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
    return f" ({denied.error})" if denied.error in _KNOWN_ERRORS else ""
