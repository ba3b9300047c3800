"""`AccessControl`: which requests may see the ops page."""

import hmac
import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_address
from typing import Final

from typed_settings import Secret
from yarl import URL

from shelfport.adapters.ops.request import OpsRequest
from shelfport.adapters.runtime.loopback import is_loopback

SHORTEST_TOKEN: Final = 16
COOKIE: Final = "shelfport_ops"
SESSION: Final = 12 * 3600
"""Seconds until a browser must send the token again."""
_FORWARDING = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


class AccessControl:
    """Admits requests with the token; without a token, requests from this machine.

    Without a token, a request must come from a loopback address, name a loopback host (another
    name is a sign of DNS rebinding), and have no header of a proxy. With a token, each request
    needs it, wherever it comes from: as a bearer token, or as a cookie that a login has set.

    Args:
        token: the secret; at least 16 characters.
        now: seconds since the epoch.

    Raises:
        ValueError: the token is too short.
    """

    def __init__(self, token: Secret[str] | None, now: Callable[[], float] = time.time) -> None:
        self._token = None if token is None else token.get_secret_value()
        if self._token is not None and len(self._token) < SHORTEST_TOKEN:
            raise ValueError(
                f"the token of the ops page has {len(self._token)} characters: "
                f"it must have at least {SHORTEST_TOKEN}"
            )
        self._now = now

    @property
    def asks_for_token(self) -> bool:
        """Whether a request without the token gets the login form instead of a refusal."""
        return self._token is not None

    def admits(self, request: OpsRequest) -> bool:
        """Whether `request` may see the page."""
        if self._token is None:
            return _is_local(request)
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self.is_token(given.strip())
        return self._is_session(_cookie(request.headers))

    def is_token(self, token: str) -> bool:
        """Whether `token` is the token of the page."""
        return self._token is not None and hmac.compare_digest(token.encode(), self._token.encode())

    def session_cookie(self, request: OpsRequest) -> str:
        """The `Set-Cookie` for a browser that has sent the token.

        It has no path: the browser uses the path of the page, which is unknown behind a proxy.
        """
        until = str(int(self._now()) + SESSION)
        secure = "; Secure" if request.secure else ""
        value = f"{until}.{self._signature(until)}"
        return f"{COOKIE}={value}; Max-Age={SESSION}; HttpOnly; SameSite=Strict{secure}"

    def _is_session(self, value: str) -> bool:
        until, _, signature = value.partition(".")
        if not until.isascii() or not until.isdigit() or len(until) > 15:
            return False
        good = hmac.compare_digest(signature.encode(), self._signature(until).encode())
        return good and self._now() < int(until)

    def _signature(self, until: str) -> str:
        key = (self._token or "").encode()
        return hmac.new(key, f"shelfport ops page until {until}".encode(), sha256).hexdigest()


def is_own(request: OpsRequest) -> bool:
    """Whether a POST comes from the page itself or from a program, and from no other site."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = request.headers.get("origin")
    return origin is None or origin.partition("://")[2] == request.headers.get("host")


def _is_local(request: OpsRequest) -> bool:
    if any(name in request.headers for name in _FORWARDING):
        return False
    try:
        if request.peer is None or not ip_address(request.peer).is_loopback:
            return False
        return is_loopback(URL(f"http://{request.headers.get('host', '')}").host)
    except ValueError:
        return False


def _cookie(headers: Mapping[str, str]) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return "" if found is None else found.value
