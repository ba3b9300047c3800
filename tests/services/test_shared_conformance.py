"""The conformance suite on the whole stack with its shared cache in a real Redis: at length only.

The default tests run it over the model of such a cache (`tests/contracts/conformance`).
"""

import os
from secrets import token_bytes, token_hex

import pytest

from shelfport.adapters.redis import RedisClient, RedisStore
from shelfport.contracts.conformance import (
    Capabilities,
    Harness,
    InventoryPortConformance,
    Trouble,
)
from shelfport.options import SharedCacheOptions
from shelfport.ports import Clock
from shelfport.ports.shared_store import SharedStore
from tests.contracts.conformance.harnesses import TroubledMemoryHarness
from tests.contracts.conformance.stacks import default_with_shared


class OverRedis(InventoryPortConformance):
    capabilities = Capabilities(
        troubles=Trouble,
        counts_requests=True,
        spoils_one=True,
        keeps_readings=True,
        many_ids=1000,
    )

    @pytest.fixture
    def harness(self, redis_url: str, prefix: str) -> Harness:
        def store(clock: Clock) -> SharedStore:
            client = RedisClient(SharedCacheOptions(url=redis_url))
            return RedisStore(client, prefix, token_bytes(8), lambda: token_hex(8))

        return TroubledMemoryHarness(default_with_shared(store), honours_deadline=False)


if os.environ.get("SHELFPORT_LONG"):

    class TestOverRedis(OverRedis):
        """Collected in the long edition."""
