"""`Settings`: all settings of the library.

Each part has its own options class (`HttpOptions`, `CacheOptions`, …) with defaults, bounds and
meanings; `Settings` combines them, and checks settings that depend on each other.
"""

from collections.abc import Iterator
from typing import Any

import attrs
from typed_settings import Secret

from shelfport.adapters.events.notification_options import NotificationOptions
from shelfport.adapters.events.options import EventOptions
from shelfport.adapters.http import AuthOptions, HttpOptions, TlsOptions
from shelfport.adapters.http.transport.address import plain_address, plain_http_to_others
from shelfport.adapters.layers import (
    BatchOptions,
    BreakerOptions,
    CacheOptions,
    LimitOptions,
    RetryOptions,
    SharedCacheOptions,
)
from shelfport.adapters.queue.options import QueueOptions
from shelfport.adapters.runtime.secret_text import optional_secret
from shelfport.domain.model import IdFormat, InitializationPolicy
from shelfport.domain.model.validators import member_of, number, units


class SettingsError(ValueError):
    """A setting is wrong: the message names it, its origin, and the allowed values.

    Cause: a file is missing or malformed, a key is unknown, a value is out of its bounds, or two
    settings contradict each other.

    What to do: correct the setting in the file or variable that the message names; `shelfport
    check` shows all settings, each with its origin.
    """


NO_SERVICE = (
    "base_url is not set: set it to the Inventory Service's address (SHELFPORT_BASE_URL, or the "
    'option --base-url of a command), or set adapter="memory" (SHELFPORT_ADAPTER=memory) to keep '
    "stock in this process alone"
)
"""Why nothing is built from settings that name no service."""


@attrs.frozen(kw_only=True)
class InitializationOptions:
    """Defaults for requests that open inventory records."""

    default_quantity: int = attrs.field(default=0, validator=units)
    """Units on hand, if the host passes none.

    Why: a new variant has no stock until it is counted."""
    default_low_stock_threshold: int = attrs.field(default=10, validator=units)
    """At this many units or fewer, stock is low.

    Why: it is the contract's example."""
    policy: InitializationPolicy = attrs.field(
        default=InitializationPolicy.ROLL_BACK, validator=member_of(InitializationPolicy)
    )
    """What happens to a product whose record cannot be opened now.

    Why: ROLL_BACK needs no queue and no worker; the other policies need both."""
    max_concurrency: int = attrs.field(default=8, validator=number(1, 1000, unit="requests"))
    """Concurrent requests of one call for many variants.

    Why: a product with 40 sizes takes five rounds, and leaves half of `limit.max_concurrency` to
    pages."""


@attrs.frozen(kw_only=True)
class LogOptions:
    """Sampling of log records of failures, each kind of failure by itself."""

    burst: int = attrs.field(default=10, validator=number(1, 1_000_000, unit="records"))
    """Records of one kind of failure that are written at the start of each period.

    Why: ten records of a kind show what is wrong; the rest are counted."""
    period: float = attrs.field(default=10.0, validator=number(0.1, 3600, unit="seconds"))
    """Seconds of a period, which begins with its first record. At its end, one record states how
    many records were left out.

    Why: a count every ten seconds shows whether the outage is ending."""


def _name(_instance: object, field: "attrs.Attribute[Any]", value: Any) -> None:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{field.name} is {value!r}: it must be the name of an adapter")


def import_path(_instance: object, field: "attrs.Attribute[Any]", value: Any) -> None:
    """Refuse a value that is not MODULE:NAME."""
    module, colon, name = value.partition(":") if isinstance(value, str) else ("", "", "")
    if not colon or not all(p.isidentifier() for p in (*module.split("."), *name.split("."))):
        raise ValueError(
            f"{field.name} is {value!r}: it must be MODULE:NAME, such as shop.inventory:mapper"
        )


@attrs.frozen(kw_only=True)
class Settings:
    """The settings of one `InventoryIntegration`. Made in code, or by `load_settings`.

    Raises:
        ValueError: a setting is not valid, or two contradict each other; the message names them.
    """

    base_url: str | None = attrs.field(default=None, validator=plain_address)
    """The address of the Inventory Service. Without it, `build` refuses, unless `adapter` is set.

    Why: stock that is kept in memory by accident is lost with its process."""
    token: Secret[str] | None = attrs.field(default=None, converter=optional_secret)
    """A bearer token (RFC 6750) for every request: short for `auth` with the scheme `bearer`. Never
    printed."""
    adapter: str | None = attrs.field(default=None, validator=attrs.validators.optional(_name))
    """The adapter to use: "http", "memory", or the name that an installed package gave to its
    adapter in the entry-point group `shelfport.adapters`. None: "http", with a base URL.

    Why: "memory" keeps stock in this process alone, so it is used only where it is named."""
    id_format: IdFormat = attrs.field(default=IdFormat.UUID, validator=member_of(IdFormat))
    """What the ids of variants look like: "uuid", or "text" for 1 to 128 visible ASCII characters,
    such as SKUs.

    Why: the contract's ids are UUIDs, and a check finds a wrong one before it is sent."""
    mapper: str | None = attrs.field(default=None, validator=attrs.validators.optional(import_path))
    """MODULE:NAME of the host's mapper between its own references and ids, for the commands and
    for a worker of its own; see `VariantMapper`. None: references are ids."""
    allow_plain_http: bool = False
    """Whether `base_url` may be http:// to another machine, without encryption.

    Why: requests to other machines are encrypted unless this is set, and a log record says so."""
    deadline: float = attrs.field(default=2.0, validator=number(0.001, 300, unit="seconds"))
    """Seconds that a call without its own deadline may take, in all.

    Why: visitors leave a page that takes longer; waiting for a slot, attempts and back-off share
    this time."""
    http: HttpOptions = attrs.field(factory=HttpOptions)
    tls: TlsOptions = attrs.field(factory=TlsOptions)
    auth: AuthOptions = attrs.field(factory=AuthOptions)
    cache: CacheOptions = attrs.field(factory=CacheOptions)
    shared_cache: SharedCacheOptions = attrs.field(factory=SharedCacheOptions)
    batch: BatchOptions = attrs.field(factory=BatchOptions)
    retry: RetryOptions = attrs.field(factory=RetryOptions)
    limit: LimitOptions = attrs.field(factory=LimitOptions)
    breaker: BreakerOptions = attrs.field(factory=BreakerOptions)
    initialization: InitializationOptions = attrs.field(factory=InitializationOptions)
    queue: QueueOptions = attrs.field(factory=QueueOptions)
    events: EventOptions = attrs.field(factory=EventOptions)
    notifications: NotificationOptions = attrs.field(factory=NotificationOptions)
    logs: LogOptions = attrs.field(factory=LogOptions)

    def __attrs_post_init__(self) -> None:
        if self.adapter == "http" and self.base_url is None:
            raise ValueError("adapter is 'http', but base_url is not set: set both")
        for name, address in (("base_url", self.base_url), ("auth.token_url", self.auth.token_url)):
            if plain_http_to_others(address) and not self.allow_plain_http:
                raise ValueError(
                    f"{name} is {address!r}: plain http to another machine can be read and "
                    "changed on the way; use https, or set allow_plain_http"
                )
        if self.token is not None and self.auth.scheme != "none":
            raise ValueError(
                f"token is set, and auth.scheme is {self.auth.scheme}: set one of them"
            )
        for impossible, sentence in self._combinations():
            if impossible:
                raise ValueError(sentence)

    def _combinations(self) -> Iterator[tuple[bool, str]]:
        """Combinations of settings that are refused: whether one is present, and its message."""
        http, cache, breaker = self.http, self.cache, self.breaker
        yield (
            cache.soft_timeout >= self.deadline,
            f"cache.soft_timeout is {cache.soft_timeout:g}: it must be less than the deadline "
            f"({self.deadline:g} seconds), or no stale reading is served in time",
        )
        yield (
            breaker.slow_call_duration >= self.deadline,
            f"breaker.slow_call_duration is {breaker.slow_call_duration:g}: it must be less than "
            f"the deadline ({self.deadline:g} seconds), or a service that hangs never opens the "
            "circuit",
        )
        yield (
            breaker.half_open_timeout < http.attempt_timeout,
            f"breaker.half_open_timeout is {breaker.half_open_timeout:g}: it must be at least "
            f"http.attempt_timeout ({http.attempt_timeout:g} seconds), or a probe is abandoned "
            "while it may still succeed",
        )
        yield (
            self.shared_cache.timeout >= self.deadline,
            f"shared_cache.timeout is {self.shared_cache.timeout:g}: it must be less than the "
            f"deadline ({self.deadline:g} seconds), or a Redis that hangs leaves no time for the "
            "service",
        )

    @property
    def adapter_name(self) -> str:
        """The name of the adapter to use.

        Raises:
            SettingsError: neither `base_url` nor `adapter` is set.
        """
        if self.adapter is None and self.base_url is None:
            raise SettingsError(NO_SERVICE)
        return self.adapter or "http"

    @property
    def plain_http_to_others(self) -> bool:
        """Whether requests leave this machine without encryption."""
        return plain_http_to_others(self.base_url)

    @property
    def credentials(self) -> AuthOptions:
        """`auth`, or the options that `token` stands for."""
        if self.token is None:
            return self.auth
        return attrs.evolve(self.auth, scheme="bearer", secret=self.token)
