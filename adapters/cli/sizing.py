"""How a fleet's settings follow from what the Inventory Service can do. Pure arithmetic.

Views come at random (Poisson), and the popularity of variants falls as 1 / rank (Zipf). A reading
serves for `ttl` seconds, so a variant with `rate` views a second is asked for
`rate / (1 + rate * ttl)` times a second by whoever keeps it: each host its own, or the shared
cache one for all. `benchmarks/fleet` checks these figures against the library's own layers.
"""

from collections.abc import Callable
from math import ceil, log

import attrs

from shelfport.domain.model.validators import number

_BUSY = 0.7
"""The share of the capacity that calm hours may use: above it, queues grow long by chance."""
_LONGEST_FRESH = 300.0
"""Seconds; stock that may be older than this while all is well is not called fresh."""
_EXACT = 1000
"""Ranks that are summed one by one; those after them are integrated."""
_BURST = 4.0
"""Standard deviations of a host's concurrent requests for which its limit leaves room."""


@attrs.frozen(kw_only=True)
class FleetLoad:
    """A fleet, and the service that it asks.

    Raises:
        ValueError: a number is out of its bounds.
    """

    hosts: int = attrs.field(validator=number(1, 1_000_000, unit="hosts"))
    """Processes that hold an integration."""
    views: float = attrs.field(validator=number(0.001, 1e9, unit="views"))
    """Variants shown a second, by all hosts together, in the busiest hour."""
    capacity: float = attrs.field(validator=number(0.001, 1e9, unit="requests"))
    """Requests a second that the service can answer."""
    variants: int = attrs.field(default=100_000, validator=number(1, 10**9, unit="variants"))
    latency: float = attrs.field(default=0.025, validator=number(0.0001, 60, unit="seconds"))
    """Of an answer, on average, when the service is not overloaded."""
    attempt_timeout: float = attrs.field(default=1.0, validator=number(0.001, 60, unit="seconds"))
    """The setting `http.attempt_timeout`."""
    shared_cache: bool = False
    """Whether the hosts share a cache (`shared_cache.url`)."""


@attrs.frozen(kw_only=True)
class FleetSize:
    """Settings for a fleet, and what they lead to. Rates are requests a second of all hosts."""

    ttl: float | None
    """`cache.ttl` in seconds; None if none up to five minutes is long enough."""
    max_concurrency: int
    """`limit.max_concurrency` of each host."""
    budget_ratio: float
    """`retry.budget_ratio`."""
    steady: float
    """What the service is asked in calm hours."""
    cold: float
    """What it is asked for when nothing is kept, as after a long outage; retries included."""
    cold_share: float
    """`cold`, as a share of the capacity. Above 1, the fleet's restraint alone brings it back."""
    queue_seconds: float
    """The most that can wait at the service: its work if every host uses its whole limit. Above
    `attempt_timeout`, answers come when nobody waits for them any more."""


def steady_load(load: FleetLoad, ttl: float) -> float:
    """Requests a second in calm hours, with readings fresh for so many seconds."""
    keepers = 1 if load.shared_cache else load.hosts
    per_keeper = load.views / keepers
    first = per_keeper / _harmonic(load.variants)  # views a second of the most popular one

    def asked(rank: float) -> float:
        rate = first / rank
        return rate / (1 + rate * ttl)

    head = sum(asked(rank) for rank in range(1, min(_EXACT, load.variants) + 1))
    # The integral of first / (rank + first * ttl) from one rank to another.
    shift = first * ttl
    tail = 0.0
    if load.variants > _EXACT:
        tail = first * log((load.variants + 0.5 + shift) / (_EXACT + 0.5 + shift))
    return keepers * (head + tail)


def size_fleet(load: FleetLoad) -> FleetSize:
    """Settings with which `load` fits into the service.

    The fresh window is the shortest, but not below the default of five seconds, with which calm
    hours use 70 % of the capacity at most. The limit lets a host do its share with room for bursts,
    and keeps all hosts together from queueing more at the service than it answers within the
    attempt's timeout, as far as a limit of at least 2 can. The budget uses what the service has
    left when nothing is kept, up to the default of 10 %.
    """
    ttl = _shortest(lambda seconds: steady_load(load, seconds) <= _BUSY * load.capacity)
    used = _LONGEST_FRESH if ttl is None else ttl
    steady = steady_load(load, used)
    under_way = steady / load.hosts * load.latency
    wanted = ceil(under_way + _BURST * under_way**0.5) + 1
    allowed = int(load.capacity * load.attempt_timeout / load.hosts)
    max_concurrency = max(2, min(wanted, allowed) if allowed else wanted)
    room = load.capacity / load.views - 1
    budget_ratio = round(min(0.1, max(0.0, room)), 2)
    cold = load.views * (1 + budget_ratio)
    return FleetSize(
        ttl=ttl,
        max_concurrency=max_concurrency,
        budget_ratio=budget_ratio,
        steady=steady,
        cold=cold,
        cold_share=cold / load.capacity,
        queue_seconds=load.hosts * max_concurrency / load.capacity,
    )


def _shortest(enough: Callable[[float], bool]) -> float | None:
    """The shortest fresh window that is enough, in whole seconds."""
    low, high = 5, int(_LONGEST_FRESH)
    if not enough(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return float(low)


def _harmonic(variants: int) -> float:
    """1 + 1/2 + … + 1/variants."""
    exact = min(variants, _EXACT)
    head = sum(1 / rank for rank in range(1, exact + 1))
    return head + log((variants + 0.5) / (exact + 0.5))
