"""The check of the credentials: whether there are any, where from, and how long they last."""

import asyncio
import base64
import binascii
from datetime import UTC, datetime
from typing import Final

import msgspec
from typed_settings import Secret
from yarl import URL

from shelfport.adapters.cli.check.model import Case, Finding, failed, not_tried, ok
from shelfport.adapters.http import AuthOptions, BadFile
from shelfport.adapters.http.transport.auth.credentials import (
    FixedSecret,
    NoCredentials,
    secret_file,
)
from shelfport.adapters.http.transport.auth.oauth import TokenEndpoint
from shelfport.adapters.http.transport.session import Session
from shelfport.adapters.http.transport.tls.context import Tls
from shelfport.adapters.runtime.clock import SystemClock

_WHAT: Final = {"bearer": "bearer token", "api_key": "API key", "client_credentials": "token"}


class _Claims(msgspec.Struct):
    """What of a JSON Web Token (RFC 7519) is read here; nobody checks its signature."""

    exp: float | None = None


async def token(case: Case) -> Finding:
    """There is something to present, and it is not at its end; a token is bought if need be."""
    settings = case.settings
    auth = settings.credentials
    if settings.adapter_name != "http" or settings.base_url is None:
        return not_tried(f"the adapter {settings.adapter_name} presents no credentials of ours")
    if auth.scheme == "none":
        return not_tried("auth.scheme is none, and token is not set: requests present nothing")
    try:
        secret = await _secret(auth)
    except BadFile as error:
        return failed(str(error), "correct the setting, or the file")
    if secret is None:
        return not_tried("the host gives the secret itself, when it builds its integration")
    where = "a file" if auth.secret_file is not None else "the settings"
    if auth.scheme != "client_credentials":
        return _judged(secret, f"the {_WHAT[auth.scheme]} comes from {where}")
    try:
        async with asyncio.timeout(case.seconds):
            bought, lifetime = await _bought(case, auth, secret)
    except BadFile as error:
        return failed(str(error), "correct the setting, or the file")
    except NoCredentials as error:
        return failed(str(error), "look at auth.token_url, auth.client_id and the secret")
    except TimeoutError:
        return failed(
            f"{auth.token_url} sold no token within {case.seconds:.3g} s",
            "find out why it is slow, or give more time with --deadline",
        )
    return _judged(bought, f"{auth.token_url} sold a token for {lifetime:.0f} s")


async def _secret(auth: AuthOptions) -> Secret[str] | None:
    if auth.secret_file is None:
        return auth.secret
    watched = secret_file(auth.secret_file)
    await asyncio.to_thread(watched.load)
    return watched.value


async def _bought(case: Case, auth: AuthOptions, secret: Secret[str]) -> tuple[Secret[str], float]:
    settings = case.settings
    tls = Tls(settings.tls, URL(settings.base_url or "").host)
    await asyncio.to_thread(tls.watched.load)
    async with Session(settings.http, tls) as session:
        return await TokenEndpoint(auth.token_url or "", auth, FixedSecret(secret), session)()


def _judged(secret: Secret[str], said: str) -> Finding:
    ends = _end_of(secret)
    if ends is None:
        return ok(said)
    left = (ends - SystemClock().now()).total_seconds()
    if left <= 0:
        return failed(
            f"{said}, and ended at {ends:%Y-%m-%d %H:%M:%S}Z",
            "replace it, and find out who should have; or set this machine's clock",
        )
    days, hours = divmod(left / 3600, 24)
    lasting = f"{days:.0f} days" if days else f"{hours:.1f} hours"
    return ok(f"{said}, and lasts {lasting}")


def _end_of(secret: Secret[str]) -> datetime | None:
    """When a JSON Web Token says that it ends; None if it is none, or does not say."""
    parts = secret.get_secret_value().split(".")
    if len(parts) != 3:
        return None
    try:
        claims = msgspec.json.decode(
            base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)), type=_Claims
        )
        return None if claims.exp is None else datetime.fromtimestamp(claims.exp, UTC)
    except (binascii.Error, msgspec.MsgspecError, ValueError, OverflowError, OSError):
        return None
