"""The checks `token`, `read` and `clock`: credentials, one read as a host sends it, its date."""

import asyncio
import base64
import binascii
from datetime import UTC, datetime
from typing import Final

import msgspec
from typed_settings import Secret
from yarl import URL

from shelfport.adapters.cli.check.model import CheckContext, Finding, failed, not_tried, ok
from shelfport.adapters.http import AuthOptions, BadFile, HttpInventory
from shelfport.adapters.http.clock_skew import MAX_CLOCK_SKEW
from shelfport.adapters.http.transport.auth.credentials import (
    FixedSecret,
    NoCredentials,
    read_secret_file,
)
from shelfport.adapters.http.transport.auth.oauth import TokenEndpoint
from shelfport.adapters.http.transport.session import Session
from shelfport.adapters.http.transport.tls.context import Tls
from shelfport.adapters.runtime.clock import SystemClock
from shelfport.domain.model import (
    AdapterFault,
    Call,
    ConnectionFailed,
    ContractViolation,
    CredentialsUnavailable,
    DeadlineExceeded,
    InventoryError,
    PathFailed,
    RequestBlocked,
    RequestRejected,
    ServiceFailed,
    ServiceOverloaded,
    StockReading,
    TimedOut,
    Unauthorized,
    UnknownVariant,
    Unreadable,
)

_CREDENTIALS: Final = {
    "bearer": "bearer token",
    "api_key": "API key",
    "client_credentials": "token",
}
_WRONG_ADDRESS: Final = "set base_url to the service's address, its path up to /inventory included"
_FIXES: tuple[tuple[type[InventoryError], str], ...] = (
    (
        PathFailed,
        "request base_url with curl: another program answers there, or something on the way to the "
        "service",
    ),
    (
        RequestBlocked,
        "look at the rules and limits of what is before the service (a firewall, a gateway), and "
        "at the credentials if it checks them",
    ),
    (RequestRejected, "run `shelfport contracts verify`: the service refuses a valid request"),
    (
        ContractViolation,
        "request base_url with curl: another program answers there, or a service that breaks "
        "inventory-service.yaml",
    ),
    (
        ConnectionFailed,
        "the port is open: check whether base_url must begin with https:// or http://",
    ),
    (CredentialsUnavailable, "look at auth.token_url, or at the host's own source of the secret"),
    (DeadlineExceeded, "give more time with --deadline or the setting deadline"),
    (TimedOut, "find out why the service is slow, or raise http.attempt_timeout"),
    (ServiceOverloaded, "wait a moment and check again: the service is overloaded"),
    (ServiceFailed, "look into the service's own log"),
    (AdapterFault, "report it to the adapter's author: it breaks the rules of InventoryPort"),
)


class _Claims(msgspec.Struct):
    """The one member of a JSON Web Token (RFC 7519) that is read; the signature is not checked."""

    exp: float | None = None


async def check_token(context: CheckContext) -> Finding:
    """There are credentials, and they have not expired; an access token is fetched if needed."""
    settings = context.settings
    auth = settings.credentials
    if settings.adapter_name != "http" or settings.base_url is None:
        return not_tried(f"the adapter {settings.adapter_name} sends no credentials from settings")
    if auth.scheme == "none":
        return not_tried("auth.scheme is none, and token is not set: requests carry no credentials")
    try:
        secret = await _secret(auth)
    except BadFile as error:
        return failed(str(error), "correct the setting, or the file")
    if secret is None:
        return not_tried("the host passes the secret to build()")
    source = "a file" if auth.secret_file is not None else "the settings"
    if auth.scheme != "client_credentials":
        return _expiry_checked(secret, f"the {_CREDENTIALS[auth.scheme]} comes from {source}")
    try:
        async with asyncio.timeout(context.timeout):
            token, lifetime = await _fetch_token(context, auth, secret)
    except BadFile as error:
        return failed(str(error), "correct the setting, or the file")
    except NoCredentials as error:
        return failed(str(error), "look at auth.token_url, auth.client_id and the secret")
    except TimeoutError:
        return failed(
            f"no token from {auth.token_url} within {context.timeout:.3g} s",
            "find out why it is slow, or give more time with --deadline",
        )
    return _expiry_checked(token, f"fetched a token from {auth.token_url} for {lifetime:.0f} s")


async def _secret(auth: AuthOptions) -> Secret[str] | None:
    if auth.secret_file is None:
        return auth.secret
    file = read_secret_file(auth.secret_file)
    await asyncio.to_thread(file.load)
    return file.value


async def _fetch_token(
    context: CheckContext, auth: AuthOptions, secret: Secret[str]
) -> tuple[Secret[str], float]:
    settings = context.settings
    tls = Tls(settings.tls, URL(settings.base_url or "").host)
    await asyncio.to_thread(tls.files.load)
    async with Session(settings.http, tls) as session:
        return await TokenEndpoint(auth.token_url or "", auth, FixedSecret(secret), session)()


def _expiry_checked(secret: Secret[str], detail: str) -> Finding:
    expires = _expiry(secret)
    if expires is None:
        return ok(detail)
    left = (expires - SystemClock().now()).total_seconds()
    if left <= 0:
        return failed(
            f"{detail}, and expired at {expires:%Y-%m-%d %H:%M:%S}Z",
            "replace it, and find out why it was not renewed; or set this machine's clock",
        )
    days, hours = divmod(left / 3600, 24)
    valid_for = f"{days:.0f} days" if days else f"{hours:.1f} hours"
    return ok(f"{detail}, and is valid for {valid_for}")


def _expiry(secret: Secret[str]) -> datetime | None:
    """When a JSON Web Token expires; None if it is none, or has no such claim."""
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


async def check_read(context: CheckContext) -> Finding:
    """One variant is read through every layer, without a cached answer.

    "Unknown" is as good as its stock: both keep the contract.
    """
    container, named = context.container, context.variant
    if container is None:
        raise RuntimeError("a check that reads must need 'adapter'")
    clock = container.clock()
    call = Call(
        deadline=clock.monotonic() + context.timeout,
        max_staleness=0,
        correlation_id=context.correlation_id,
    )
    try:
        async with container.integration():
            started = clock.monotonic()
            answer = (await container.port().read((named.variant,), call))[named.variant]
            took = f"in {(clock.monotonic() - started) * 1000:.1f} ms"
            if not isinstance(answer, Unreadable) and answer.upstream_age:
                took += f", from a cache on the way that had it for {answer.upstream_age:.0f} s"
    except BadFile as error:
        return failed(str(error), "correct the setting, or the file")
    except InventoryError as error:
        return _read_failed(error, context)
    match answer:
        case StockReading(level):
            stock = f"{level.status.value}, {level.available_quantity} available"
            return ok(f"{named.name} is {stock}, {took}")
        case UnknownVariant():
            return ok(f"{named.name} has no record: a valid answer of the contract, {took}")
        case _:
            return _read_failed(answer.error, context)


async def check_clock(context: CheckContext) -> Finding:
    """This machine's clock and the service's agree, by the `Date` of the answer to `read`."""
    adapter = None if context.container is None else context.container.adapter()
    if not isinstance(adapter, HttpInventory):
        return not_tried(f"the adapter {context.settings.adapter_name} reads no header Date")
    skew = adapter.clock_skew
    if skew is None:
        return not_tried("the answer has no header Date")
    if abs(skew) <= MAX_CLOCK_SKEW:
        return ok(f"the service's clock and this machine's differ by {abs(skew):.0f} s")
    return failed(
        f"the service's clock is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} this "
        "machine's",
        "set the clock that is wrong; if both are right, a cache on the way answers without Age",
    )


def _read_failed(error: InventoryError, context: CheckContext) -> Finding:
    fix = next((fix for kind, fix in _FIXES if isinstance(error, kind)), "check again later")
    if isinstance(error, PathFailed) and error.status is not None and error.status >= 300:
        fix = _WRONG_ADDRESS
    if isinstance(error, Unauthorized):
        fix = (
            "set token, for example with SHELFPORT_TOKEN"
            if context.settings.credentials.scheme == "none"
            else "replace token, or correct the settings auth.*: the service does not accept it"
        )
    return failed(str(error), f"{fix} (correlation id {context.correlation_id})")
