"""`size`: prints the settings of a fleet, computed from the capacity of the service."""

from typing import Annotated

import attrs
import msgspec
from cyclopts import Parameter

from shelfport.adapters.cli.options import Flag, Json, misuse
from shelfport.adapters.cli.output import SCHEMA, print_json
from shelfport.adapters.cli.running import Exit
from shelfport.adapters.cli.sizing import FleetLoad, FleetSize, size_fleet


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class SizeOptions:
    """The fleet and the service that `size` computes settings for."""

    hosts: Annotated[int, Parameter(help="Processes that hold an integration.")]
    views: Annotated[
        float,
        Parameter(help="Variants that all hosts together show a second, in the busiest hour."),
    ]
    capacity: Annotated[float, Parameter(help="Requests that the service can answer a second.")]
    variants: Annotated[int, Parameter(help="Variants in the catalog.")] = 100_000
    latency: Annotated[float, Parameter(help="Average seconds until the service answers.")] = 0.025
    attempt_timeout: Annotated[float, Parameter(help="The setting http.attempt_timeout.")] = 1.0
    shared_cache: Annotated[Flag, Parameter(help="The hosts use a shared cache.")] = False
    as_json: Json = False


class SizeDocument(msgspec.Struct, frozen=True, rename="camel"):
    """What `size --json` prints. Durations are in seconds, loads in requests a second."""

    fits: bool
    """Whether a `ttl` of at most five minutes keeps the steady load within 70 % of the capacity."""
    ttl: float | None
    """The setting `cache.ttl`; null if no `ttl` is long enough."""
    max_concurrency: int
    """The setting `limit.max_concurrency`."""
    budget_ratio: float
    """The setting `retry.budget_ratio`."""
    steady_load: float
    """The load of the busiest hour while the caches are warm."""
    cold_load: float
    """The load while nothing is cached, retries included."""
    cold_share: float
    """`coldLoad` as a share of the capacity."""
    queue_seconds: float
    """How long the service works on the requests of all hosts at their limits."""
    schema: int = SCHEMA
    """The version of this document."""


def print_size(options: SizeOptions) -> int:
    """Print the settings; `Exit.NO` if the service is too small."""
    fleet = attrs.asdict(options)
    as_json = fleet.pop("as_json")
    with misuse():
        load = FleetLoad(**fleet)
    size = size_fleet(load)
    if as_json:
        print_json(
            SizeDocument(
                fits=size.ttl is not None,
                ttl=size.ttl,
                max_concurrency=size.max_concurrency,
                budget_ratio=size.budget_ratio,
                steady_load=round(size.steady_load, 1),
                cold_load=round(size.cold_load, 1),
                cold_share=round(size.cold_share, 3),
                queue_seconds=round(size.queue_seconds, 3),
            )
        )
    else:
        print(_settings(load, size))
    return Exit.NO if size.ttl is None else Exit.ANSWERED


def _settings(load: FleetLoad, size: FleetSize) -> str:
    """A part of a settings file, with the resulting loads as comments."""
    steady = (
        f"{size.steady_load:,.0f} requests a second, "
        f"{size.steady_load / load.capacity:.0%} of its capacity"
    )
    if size.ttl is None:
        remedy = "" if load.shared_cache else ", or the hosts need a shared cache"
        return (
            "# The service is too small: even with a ttl of five minutes, the steady load is\n"
            f"# {steady}.\n"
            f"# The service needs more capacity{remedy}."
        )
    cold = (
        "within the capacity."
        if size.cold_share <= 1
        else "above the capacity: retry budget, limit and circuit breaker must reduce it."
    )
    queue = (
        "within http.attempt_timeout."
        if size.queue_seconds <= load.attempt_timeout
        else "longer than http.attempt_timeout: the circuit breaker must end the overload."
    )
    return f"""\
# Steady load: {steady}.
# Load with empty caches (after a long outage), retries included:
# {size.cold_load:,.0f} requests a second, {cold}
# Time to answer the requests of all hosts at their limits: {size.queue_seconds:.2g} s,
# {queue}
[shelfport.cache]
ttl = {size.ttl:g}

[shelfport.limit]
max_concurrency = {size.max_concurrency}

[shelfport.retry]
budget_ratio = {size.budget_ratio:g}"""
