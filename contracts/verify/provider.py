"""The Inventory Service under verification: its addresses, its token and its timeout."""

import math
from typing import Any

import attrs
from typed_settings import Secret
from yarl import URL

PROVIDER = "inventory-service"
"""The provider's name in the pacts and at the broker."""


def _below(path: str) -> Any:
    def address(provider: "Provider") -> URL:
        return provider.url / path

    return attrs.Factory(address, takes_self=True)


def _web_address(text: str | URL) -> URL:
    try:
        address = URL(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no address: {error}") from error
    if address.scheme not in ("http", "https") or not address.host:
        raise ValueError(f"{str(text)!r} is no address: http://host or https://host is expected")
    if address.user or address.password or address.query_string or address.fragment:
        raise ValueError(
            f"an address of {address.host} has credentials, a query or a fragment: "
            "only scheme, host, port and path are used"
        )
    return address


def _seconds(_instance: object, field: "attrs.Attribute[float]", value: float) -> None:
    if not 0 < value < math.inf:
        raise ValueError(f"{field.name} is {value:g}: it must be more than 0 seconds")


@attrs.frozen(kw_only=True)
class Provider:
    """The addresses of a provider; each may be given as text.

    Raises:
        ValueError: an address or the timeout is not valid; one sentence.
    """

    url: URL = attrs.field(converter=_web_address)
    """The base address, without `/inventory`."""
    states_url: URL = attrs.field(default=_below("_pact/states"), converter=_web_address)
    """Takes `POST {"state", "params", "action"}` (docs/contracts.md)."""
    messages_url: URL = attrs.field(default=_below("_pact/messages"), converter=_web_address)
    """Takes `POST {"description", "providerStates"}`, and answers with an event."""
    token: Secret[str] | None = None
    """A bearer token that replaces the one of the pacts; None keeps that one."""
    timeout: float = attrs.field(default=5.0, validator=_seconds)
    """Seconds that each answer may take."""
