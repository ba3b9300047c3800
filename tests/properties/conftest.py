"""How long the property tests look: briefly, or at length with `HYPOTHESIS_PROFILE=long`."""

import asyncio
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "short", max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("long", settings.get_profile("short"), max_examples=400)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "short"))


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    """One event loop for a module: hypothesis calls a test many times; servers outlive a call."""
    with asyncio.Runner() as runner:
        yield runner
        asyncio.set_event_loop(None)
