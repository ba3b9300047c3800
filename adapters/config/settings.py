"""`Settings`: every number and choice of the library, in one place.

Each part keeps its options beside itself (`HttpOptions`, `CacheOptions`, …), with their defaults,
bounds and meanings; this puts them together and adds what concerns them all.
"""

from collections.abc import Iterator
from typing import Any

import attrs
from typed_settings import Secret

from shelfport.adapters.events.notification_options import NotificationOptions
from shelfport.adapters.events.options import EventOptions
from shelfport.adapters.http import AuthOptions, HttpOptions, TlsOptions
from shelfport.adapters.http.transport.address import plain_address, plain_http_to_others
from shelfport.adapters.http.transport.secret_text import optional_secret
from shelfport.adapters.layers import (
    BatchOptions,
    BreakerOptions,
    CacheOptions,
    LimitOptions,
    RetryOptions,
    SharedCacheOptions,
)
from shelfport.adapters.queue.options import QueueOptions
from shelfport.domain.model import InitializationPolicy
from shelfport.domain.model.validators import member_of, number, units


class SettingsError(ValueError):
    """A setting is wrong: which one, where it comes from, and what is allowed.

    Cause: a file that is missing or malformed, a key that no setting has, a value out of its
    bounds, or two that make no sense together.

    What to do: the sentence names the setting and the file or variable; `shelfport check` shows
    all of them, each with its origin.
    """


@attrs.frozen(kw_only=True)
class InitializationOptions:
    """What a new variant starts with where the host does not say (R5)."""

    default_quantity: int = attrs.field(default=0, validator=units)
    """Units on hand.

    Why: a new variant has nothing until somebody counts it."""
    default_low_stock_threshold: int = attrs.field(default=10, validator=units)
    """At this many units or fewer, stock is low.

    Why: the contract's example."""
    policy: InitializationPolicy = attrs.field(
        default=InitializationPolicy.ROLL_BACK, validator=member_of(InitializationPolicy)
    )
    """What becomes of a product whose record cannot be opened now (R20-R22).

    Why: nothing to run and nothing to look after; the others need a queue."""
    max_concurrency: int = attrs.field(default=8, validator=number(1, 1000, unit="requests"))
    """Requests of one call for many variants under way at once, at most.

    Why: a product of 40 sizes is five rounds, and leaves half of `limit.max_concurrency` to the pages."""


@attrs.frozen(kw_only=True)
class LogOptions:
    """How many records an outage may write: failures alone, each kind by itself."""

    burst: int = attrs.field(default=10, validator=number(1, 1_000_000, unit="records"))
    """Records of one kind of failure that are written in a period, from its beginning.

    Why: ten of a kind show what is wrong; the rest of an outage is a count."""
    period: float = attrs.field(default=10.0, validator=number(0.1, 3600, unit="seconds"))
    """Seconds of a period; it begins with its first record. At its end one record counts those
    that were left out.

    Why: a count every ten seconds shows whether it is getting better."""


def _name(_instance: object, field: "attrs.Attribute[Any]", value: Any) -> None:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{field.name} is {value!r}: it must be the name of an adapter")


@attrs.frozen(kw_only=True)
class Settings:
    """How one `InventoryIntegration` behaves. Made in code, or by `load_settings`.

    Raises:
        ValueError: a value, or two together, make no sense; the sentence names the setting.
    """

    base_url: str | None = attrs.field(default=None, validator=plain_address)
    """Where the Inventory Service lives. None: stock is kept in memory, in this process.

    Why: nothing is sent anywhere by accident."""
    token: Secret[str] | None = attrs.field(default=None, converter=optional_secret)
    """A bearer token (RFC 6750) for every request: short for `auth` with the scheme `bearer`. Never
    printed."""
    adapter: str | None = attrs.field(default=None, validator=attrs.validators.optional(_name))
    """Which adapter answers: "http", "memory", or a name that an installed package gave to its own
    in the entry-point group `shelfport.adapters`. None: "http" with a base URL, else "memory"."""
    allow_plain_http: bool = False
    """Whether `base_url` may be http:// to another machine, readable to all on the way (R26).

    Why: requests to another machine are encrypted, unless somebody decides otherwise, and that is
    logged."""
    deadline: float = attrs.field(default=2.0, validator=number(0.001, 300, unit="seconds"))
    """Seconds that a call without a deadline of its own may take, everything included.

    Why: a page that takes longer has lost its visitor; everything shares it: queue, attempts,
    pauses."""
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
            raise ValueError("adapter is 'http', but base_url is not set: where is the service?")
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
        """Settings that make no sense together: whether it is so, and the sentence about it."""
        http, cache, breaker = self.http, self.cache, self.breaker
        yield (
            cache.soft_timeout >= self.deadline,
            f"cache.soft_timeout is {cache.soft_timeout:g}: it must be less than the deadline "
            f"({self.deadline:g} seconds), or nobody is ever served stale in time",
        )
        yield (
            breaker.slow_call_duration >= self.deadline,
            f"breaker.slow_call_duration is {breaker.slow_call_duration:g}: it must be less than the deadline "
            f"({self.deadline:g} seconds), or a service that hangs never opens the circuit",
        )
        yield (
            breaker.half_open_timeout < http.attempt_timeout,
            f"breaker.half_open_timeout is {breaker.half_open_timeout:g}: it must be at least "
            f"http.attempt_timeout ({http.attempt_timeout:g} seconds), or a probe is given up "
            "while it may still succeed",
        )
        yield (
            self.shared_cache.timeout >= self.deadline,
            f"shared_cache.timeout is {self.shared_cache.timeout:g}: it must be less than the deadline "
            f"({self.deadline:g} seconds), or a Redis that hangs leaves no time for the service",
        )
        policy = self.initialization.policy
        yield (
            policy.queues and self.queue.url is None,
            f"initialization.policy is {policy.value}, which needs a queue: set queue.url, for example "
            "to sqlite:///queue.db",
        )

    @property
    def adapter_name(self) -> str:
        """The adapter that answers, by its name."""
        return self.adapter or ("memory" if self.base_url is None else "http")

    @property
    def plain_http_to_others(self) -> bool:
        """Whether requests leave this machine unencrypted."""
        return plain_http_to_others(self.base_url)

    @property
    def credentials(self) -> AuthOptions:
        """`auth`, or what `token` is short for."""
        if self.token is None:
            return self.auth
        return attrs.evolve(self.auth, scheme="bearer", secret=self.token)
