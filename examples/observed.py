"""A page of a sandbox service that fails for a while, and the metrics for Prometheus.

Run it: `pip install -e '.[prometheus]' && python examples/observed.py`.
"""

import asyncio
import sys

from prometheus_client import CollectorRegistry, generate_latest

from shelfport import Settings, build, health
from shelfport.contracts.sandbox import Faults, Sandbox, SeedRecord
from shelfport.domain.model import variant_id
from shelfport.options import BreakerOptions, CacheOptions
from shelfport.prometheus import Prometheus

SHOE = variant_id("c9bf9e57-1685-4c89-bafb-ff5af830be8a")
NO_FRESH_CACHE = CacheOptions(ttl=0, stale_while_revalidate=0)
"""Nothing counts as fresh, so that each page asks the service."""
IMPATIENT = BreakerOptions(minimum_calls=2)
"""Two calls are enough to judge the service by."""


async def main() -> None:
    """Read while the service is up and while it is down, and print the metrics."""
    registry = CollectorRegistry()
    async with (
        Sandbox(seed=[SeedRecord(SHOE, 5)]) as sandbox,
        build(
            Settings(base_url=sandbox.url, cache=NO_FRESH_CACHE, breaker=IMPATIENT),
            telemetry=[Prometheus(registry)],
        ) as inventory,
    ):
        await inventory.get_stock_level(SHOE, correlation_id="page-17")
        sandbox.faults = Faults(mode="down")
        for page in range(18, 28):
            await inventory.get_stock_level(SHOE, correlation_id=f"page-{page}")
        judged = health(inventory.snapshot())
        sys.stdout.write(generate_latest(registry).decode())
        sys.stdout.write(f"# {judged.status.value}: {'; '.join(judged.reasons)}\n")


if __name__ == "__main__":
    asyncio.run(main())
