"""`Settings`: every number and choice of the library, in one place.

Each part keeps its options beside itself (`HttpOptions`, `CacheOptions`, …), with their defaults,
bounds and meanings; this puts them together and adds what concerns them all.
"""

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

import attrs
from typed_settings import Secret
from yarl import URL

from shelfport.adapters.http import HttpOptions
from shelfport.adapters.layers import (
    BreakerOptions,
    CacheOptions,
    LimitOptions,
    RetryOptions,
    SplitOptions,
)
from shelfport.adapters.log_sampling import LogOptions
from shelfport.domain.model.validators import number, units

_LONGEST_BASE_URL = 512
"""200 ids take 7,400 bytes of the 8,000 of a request target; the rest is for the base URL."""


class SettingsError(ValueError):
    """A setting is wrong: which one, where it comes from, and what is allowed."""


def _base_url(_instance: object, field: "attrs.Attribute[Any]", value: Any) -> None:
    """Refuse what is no plain address of a service, before anything is sent to the wrong place."""
    if value is None:
        return
    example = "such as 'https://inventory.internal'"
    if not isinstance(value, str):
        raise ValueError(f"{field.name} is {value!r}: it must be a URL, {example}")
    if "@" in value.partition("//")[2].partition("/")[0]:
        # First of all, so that no other sentence quotes the password.
        raise ValueError(
            f"{field.name} carries credentials, which end up in logs: set `token` instead"
        )
    try:
        url = URL(value)
        host = url.host
    except ValueError as error:
        raise ValueError(f"{field.name} is {value!r}, no URL: {error}") from error
    if url.scheme not in {"http", "https"} or not host:
        raise ValueError(
            f"{field.name} is {value!r}: it must begin with https:// or http:// and a host, "
            f"{example}"
        )
    if url.query_string or url.fragment:
        raise ValueError(f"{field.name} is {value!r}: it must not have a query or a fragment")
    if len(value) > _LONGEST_BASE_URL:
        raise ValueError(
            f"{field.name} has {len(value)} characters: it must have at most {_LONGEST_BASE_URL}"
        )


@attrs.frozen(kw_only=True)
class InitialStockOptions:
    """What a new variant starts with where the host does not say (R5)."""

    quantity: int = attrs.field(default=0, validator=units)
    """Units on hand."""
    low_stock_threshold: int = attrs.field(default=10, validator=units)
    """At this many units or fewer, stock is low."""


def _name(_instance: object, field: "attrs.Attribute[Any]", value: Any) -> None:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{field.name} is {value!r}: it must be the name of an adapter")


def _secret(value: Secret[str] | str | None) -> Secret[str] | None:
    return Secret(value) if isinstance(value, str) else value


@attrs.frozen(kw_only=True)
class Settings:
    """How one `InventoryIntegration` behaves. Made in code, or by `load_settings`.

    Raises:
        ValueError: a value, or two together, make no sense; the sentence names the setting.
    """

    base_url: str | None = attrs.field(default=None, validator=_base_url)
    """Where the Inventory Service lives. None: stock is kept in memory, in this process."""
    token: Secret[str] | None = attrs.field(default=None, converter=_secret)
    """A bearer token (RFC 6750) for every request. Never printed."""
    adapter: str | None = attrs.field(default=None, validator=attrs.validators.optional(_name))
    """Which adapter answers: "http", "memory", or a name that an installed package gave to its own
    in the entry-point group `shelfport.adapters`. None: "http" with a base URL, else "memory"."""
    allow_plain_http: bool = False
    """Whether `base_url` may be http:// to another machine, readable to all on the way (R26)."""
    deadline: float = attrs.field(default=2.0, validator=number(0.001, 300, unit="seconds"))
    """Seconds that a call without a deadline of its own may take, everything included."""
    http: HttpOptions = attrs.field(factory=HttpOptions)
    cache: CacheOptions = attrs.field(factory=CacheOptions)
    split: SplitOptions = attrs.field(factory=SplitOptions)
    retry: RetryOptions = attrs.field(factory=RetryOptions)
    limit: LimitOptions = attrs.field(factory=LimitOptions)
    breaker: BreakerOptions = attrs.field(factory=BreakerOptions)
    initial: InitialStockOptions = attrs.field(factory=InitialStockOptions)
    logs: LogOptions = attrs.field(factory=LogOptions)

    def __attrs_post_init__(self) -> None:
        if self.adapter == "http" and self.base_url is None:
            raise ValueError("adapter is 'http', but base_url is not set: where is the service?")
        if self.plain_http_to_others and not self.allow_plain_http:
            raise ValueError(
                f"base_url is {self.base_url!r}: plain http to another machine can be read and "
                "changed on the way; use https, or set allow_plain_http"
            )

        for impossible, sentence in self._combinations():
            if impossible:
                raise ValueError(sentence)

    def _combinations(self) -> Iterator[tuple[bool, str]]:
        """Settings that make no sense together: whether it is so, and the sentence about it."""
        http, cache, breaker = self.http, self.cache, self.breaker
        yield (
            cache.soft_timeout >= self.deadline,
            f"cache.soft_timeout is {cache.soft_timeout:g}: it must be less than the deadline "
            f"({self.deadline:g} seconds), or nobody is ever served stale in time",
        )
        yield (
            breaker.slow_after >= self.deadline,
            f"breaker.slow_after is {breaker.slow_after:g}: it must be less than the deadline "
            f"({self.deadline:g} seconds), or a service that hangs never opens the circuit",
        )
        yield (
            breaker.probe_lease < http.attempt_timeout,
            f"breaker.probe_lease is {breaker.probe_lease:g}: it must be at least "
            f"http.attempt_timeout ({http.attempt_timeout:g} seconds), or a probe is given up "
            "while it may still succeed",
        )

    @property
    def adapter_name(self) -> str:
        """The adapter that answers, by its name."""
        return self.adapter or ("memory" if self.base_url is None else "http")

    @property
    def plain_http_to_others(self) -> bool:
        """Whether requests leave this machine unencrypted."""
        if self.base_url is None:
            return False
        url = URL(self.base_url)
        return url.scheme == "http" and not _is_loopback(url.host)


def _is_loopback(host: str | None) -> bool:
    if host is None:
        return False
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")  # RFC 6761 §6.3
