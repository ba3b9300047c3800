"""One process of a fleet: it takes commands line by line on stdin, and answers in lines of JSON.

Usage: python -m tests.services.fleet_worker SERVICE_URL REDIS_URL PREFIX
"""

import asyncio
import json
import random
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from dependency_injector import providers

from shelfport import (
    Container,
    InventoryIntegration,
    Settings,
    StockReading,
    SystemClock,
)
from shelfport.options import (
    BreakerOptions,
    CacheOptions,
    HttpOptions,
    SharedCacheOptions,
)


class ShiftedClock(SystemClock):
    """The system's clock, advanced: minutes pass without waiting."""

    shift = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.shift)

    def monotonic(self) -> float:
        return super().monotonic() + self.shift


def settings(service_url: str, redis_url: str, prefix: str) -> Settings:
    """Windows of a minute; bounds for a machine with far fewer cores than there are processes."""
    return Settings(
        base_url=service_url,
        deadline=60,
        http=HttpOptions(attempt_timeout=20, connect_timeout=10),
        breaker=BreakerOptions(half_open_timeout=20, slow_call_duration=20),
        cache=CacheOptions(ttl=60, stale_while_revalidate=0, stale_if_error=540, jitter=0),
        shared_cache=SharedCacheOptions(url=redis_url, prefix=prefix, timeout=10, lease=10),
    )


async def view(inventory: InventoryIntegration[Any], page: Sequence[str]) -> dict[str, Any]:
    """What a page of variants showed: how much of what freshness, and its dates."""
    answers = await inventory.get_stock_levels(page)
    readings = {v: r for v, r in answers.items() if isinstance(r, StockReading)}
    return {
        "freshness": Counter(r.freshness.value for r in readings.values()),
        "unavailable": len(answers) - len(readings),
        "as_of": {variant: r.as_of.isoformat() for variant, r in readings.items()},
    }


async def pages(
    inventory: InventoryIntegration[Any], variants: Sequence[str], count: int, seed: int
) -> dict[str, Any]:
    """What `count` random pages of 24 showed, one after the other."""
    draw = random.Random(seed)
    freshness: Counter[str] = Counter()
    unavailable = 0
    as_of: dict[str, str] = {}
    for _ in range(count):
        page = await view(inventory, draw.sample(variants, 24))
        freshness.update(page["freshness"])
        unavailable += page["unavailable"]
        as_of.update(page["as_of"])
    return {"freshness": freshness, "unavailable": unavailable, "as_of": as_of}


async def main(service_url: str, redis_url: str, prefix: str) -> None:
    clock = ShiftedClock()
    container = Container(
        settings=providers.Object(settings(service_url, redis_url, prefix)),
        clock=providers.Object(clock),
    )
    async with container.integration() as inventory:
        say({"ready": True})
        while line := await asyncio.to_thread(sys.stdin.readline):
            match json.loads(line):
                case {"view": page}:
                    say(await view(inventory, page))
                case {"pages": count, "of": variants, "seed": seed}:
                    say(await pages(inventory, variants, count, seed))
                case {"later": seconds}:
                    clock.shift += seconds
                    say({"later": True})
                case strange:
                    raise ValueError(strange)


def say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
