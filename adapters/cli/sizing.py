"""The settings of a fleet that fit the capacity of the Inventory Service. Pure arithmetic.

Views arrive at random (Poisson), and the popularity of variants falls as 1 / rank (Zipf). A cache
with `rate` views a second of a variant sends `rate / (1 + rate * ttl)` requests a second for it:
the first view after the end of `ttl` leads to one request, in the background within
`stale_while_revalidate`. Each host has its own cache, or all share one. `benchmarks/fleet` compares
these figures with the library's own layers.
"""

from collections.abc import Callable
from math import ceil, log

import attrs

from shelfport.domain.model.validators import number

_MAX_UTILIZATION = 0.7
"""The share of the capacity that the steady load may use: above it, random queues become long."""
_MIN_TTL = 5
"""Seconds: the default of `cache.ttl`."""
_MAX_TTL = 300
"""Seconds: stock that is older is not fresh, even if the service works."""
_EXACT_RANKS = 1000
"""Ranks whose load is summed one by one; the load of the others is integrated."""
_BURST_DEVIATIONS = 4.0
"""The limit leaves room for so many standard deviations of a host's concurrent requests."""


@attrs.frozen(kw_only=True)
class FleetLoad:
    """A fleet of hosts, its views, and the service.

    Raises:
        ValueError: a number is out of its bounds.
    """

    hosts: int = attrs.field(validator=number(1, 1_000_000, unit="hosts"))
    """Processes that hold an integration."""
    views: float = attrs.field(validator=number(0.001, 1e9, unit="views"))
    """Variants that all hosts together show a second, in the busiest hour."""
    capacity: float = attrs.field(validator=number(0.001, 1e9, unit="requests"))
    """Requests that the service can answer a second."""
    variants: int = attrs.field(default=100_000, validator=number(1, 10**9, unit="variants"))
    latency: float = attrs.field(default=0.025, validator=number(0.0001, 60, unit="seconds"))
    """Average seconds until the service answers, without overload."""
    attempt_timeout: float = attrs.field(default=1.0, validator=number(0.001, 60, unit="seconds"))
    """The setting `http.attempt_timeout`."""
    shared_cache: bool = False
    """Whether the hosts use a shared cache (`shared_cache.url`)."""


@attrs.frozen(kw_only=True)
class FleetSize:
    """The settings of a fleet, and the loads that follow. Loads are requests a second."""

    ttl: float | None
    """`cache.ttl` in seconds; None if no `ttl` up to five minutes is long enough."""
    max_concurrency: int
    """`limit.max_concurrency` of each host."""
    budget_ratio: float
    """`retry.budget_ratio`."""
    steady_load: float
    """The load of the busiest hour while the caches are warm."""
    cold_load: float
    """The load with empty caches, as after a long outage; retries included."""
    cold_share: float
    """`cold_load` as a share of the capacity. Above 1, the layers must reduce the load."""
    queue_seconds: float
    """How long the service works on the requests of all hosts at their limits. Above
    `attempt_timeout`, its answers come too late."""


def steady_load(load: FleetLoad, ttl: float) -> float:
    """Requests a second in the busiest hour, with warm caches and this `ttl`."""
    caches = 1 if load.shared_cache else load.hosts
    views_per_cache = load.views / caches
    first_rate = views_per_cache / _harmonic(load.variants)  # of the most popular variant

    def requests(rank: float) -> float:
        rate = first_rate / rank
        return rate / (1 + rate * ttl)

    head = sum(requests(rank) for rank in range(1, min(_EXACT_RANKS, load.variants) + 1))
    # The integral of first_rate / (rank + first_rate * ttl) over the other ranks.
    shift = first_rate * ttl
    tail = 0.0
    if load.variants > _EXACT_RANKS:
        tail = first_rate * log((load.variants + 0.5 + shift) / (_EXACT_RANKS + 0.5 + shift))
    return caches * (head + tail)


def size_fleet(load: FleetLoad) -> FleetSize:
    """The settings with which `load` fits the service.

    `ttl` is the shortest, but at least its default of five seconds, with which the steady load uses
    at most 70 % of the capacity. The limit lets a host send its share with room for bursts; as far
    as a limit of at least 2 can, it keeps all hosts together from queueing more requests than the
    service answers within the attempt timeout. The retry budget uses the capacity that is left with
    empty caches, up to its default of 10 %.
    """
    ttl = _shortest_ttl(
        lambda seconds: steady_load(load, seconds) <= _MAX_UTILIZATION * load.capacity
    )
    steady = steady_load(load, _MAX_TTL if ttl is None else ttl)
    in_flight = steady / load.hosts * load.latency
    needed = ceil(in_flight + _BURST_DEVIATIONS * in_flight**0.5) + 1
    allowed = int(load.capacity * load.attempt_timeout / load.hosts)
    max_concurrency = max(2, min(needed, allowed) if allowed else needed)
    spare = load.capacity / load.views - 1
    budget_ratio = round(min(0.1, max(0.0, spare)), 2)
    cold = load.views * (1 + budget_ratio)
    return FleetSize(
        ttl=ttl,
        max_concurrency=max_concurrency,
        budget_ratio=budget_ratio,
        steady_load=steady,
        cold_load=cold,
        cold_share=cold / load.capacity,
        queue_seconds=load.hosts * max_concurrency / load.capacity,
    )


def _shortest_ttl(is_enough: Callable[[float], bool]) -> float | None:
    """The shortest `ttl` that is enough, in whole seconds; None if none is."""
    low, high = _MIN_TTL, _MAX_TTL
    if not is_enough(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle + 1, high)
    return float(low)


def _harmonic(variants: int) -> float:
    """1 + 1/2 + … + 1/variants."""
    exact = min(variants, _EXACT_RANKS)
    head = sum(1 / rank for rank in range(1, exact + 1))
    return head + log((variants + 0.5) / (exact + 0.5))
