"""`size`: settings for a fleet, from what the service can do and how many ask it."""

from typing import Annotated

import attrs
import msgspec
from cyclopts import Parameter

from shelfport.adapters.cli import output
from shelfport.adapters.cli.options import misuse
from shelfport.adapters.cli.running import Exit
from shelfport.adapters.cli.sizing import FleetLoad, FleetSize, size_fleet


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class SizeOptions:
    """What `size` computes from."""

    hosts: Annotated[int, Parameter(help="Processes that hold an integration.")]
    views: Annotated[
        float,
        Parameter(help="Variants shown a second in the busiest hour, by all hosts together."),
    ]
    capacity: Annotated[float, Parameter(help="Requests a second that the service can answer.")]
    variants: Annotated[int, Parameter(help="Variants that there are.")] = 100_000
    latency: Annotated[float, Parameter(help="Seconds that an answer takes, on average.")] = 0.025
    attempt_timeout: Annotated[float, Parameter(help="The setting http.attempt_timeout.")] = 1.0
    shared_cache: Annotated[
        bool,
        Parameter(
            negative=(), show_default=False, help="The hosts share a cache (shared_cache.url)."
        ),
    ] = False
    as_json: Annotated[
        bool,
        Parameter(
            name="--json", negative=(), show_default=False, help="Print one JSON document instead."
        ),
    ] = False


class SizeDocument(msgspec.Struct, frozen=True, rename="camel"):
    """What `size --json` prints. Durations are seconds, loads requests a second."""

    fits: bool
    """Whether some `ttl` up to five minutes keeps calm hours within 70 % of the capacity."""
    ttl: float | None
    max_concurrency: int
    budget_ratio: float
    steady_load: float
    cold_load: float
    cold_share: float
    queue_seconds: float
    schema: int = output.SCHEMA


def print_size(options: SizeOptions) -> int:
    """Print the settings; `Exit.NO` if the service is too small for any."""
    terms = attrs.asdict(options)
    as_json = terms.pop("as_json")
    with misuse():
        load = FleetLoad(**terms)
    size = size_fleet(load)
    if as_json:
        output.print_json(
            SizeDocument(
                fits=size.ttl is not None,
                ttl=size.ttl,
                max_concurrency=size.max_concurrency,
                budget_ratio=size.budget_ratio,
                steady_load=round(size.steady, 1),
                cold_load=round(size.cold, 1),
                cold_share=round(size.cold_share, 3),
                queue_seconds=round(size.queue_seconds, 3),
            )
        )
    else:
        print(_settings(load, size))
    return Exit.NO if size.ttl is None else Exit.ANSWERED


def _settings(load: FleetLoad, size: FleetSize) -> str:
    """The settings as a part of a settings file, with what they lead to."""
    steady = f"{size.steady:,.0f} requests a second, {size.steady / load.capacity:.0%} of it"
    if size.ttl is None:
        return (
            f"# The service is too small: even if readings are fresh for five minutes, calm hours\n"
            f"# ask it for {steady}. It needs more capacity"
            + ("." if load.shared_cache else ", or the hosts a shared cache.")
        )
    cold = (
        "which the service can do."
        if size.cold_share <= 1
        else "more than it can do: budget, limit and breaker must bring it back."
    )
    late = (
        "within http.attempt_timeout."
        if size.queue_seconds <= load.attempt_timeout
        else "longer than anybody waits for it: the breaker must end that."
    )
    return f"""\
# Calm hours: {steady}.
# With nothing kept (after a long outage): {size.cold:,.0f} a second, retries included,
# {cold}
# If every host uses its whole limit, that is {size.queue_seconds:.2g} s of the service's work,
# {late}
[shelfport.cache]
ttl = {size.ttl:g}

[shelfport.limit]
max_concurrency = {size.max_concurrency}

[shelfport.retry]
budget_ratio = {size.budget_ratio:g}"""
