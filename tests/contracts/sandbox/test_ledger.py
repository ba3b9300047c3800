"""The ledger: every distinct key opens a record, and none is ever overwritten."""

from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest

from shelfport.contracts.sandbox import Faults, Opening, Sandbox
from tests.contracts.checked_client import CheckedClient
from tests.contracts.sandbox_setup import LOW, SEED, UNKNOWN, StillClock, connected


async def test_every_key_opens_a_record(clock: StillClock) -> None:
    """A second key of a variant is not refused: both records are there, in their order."""
    first, second = uuid4(), uuid4()
    async with Sandbox(ledger=True, clock=clock) as ledger, connected(ledger) as client:
        assert 201 == (await client.initialize(first, UNKNOWN)).status
        assert 201 == (await client.initialize(second, UNKNOWN)).status

        assert [
            Opening(UNKNOWN, first, clock.now),
            Opening(UNKNOWN, second, clock.now),
        ] == ledger.openings
        assert 200 == (await client.get(f"/inventory/{UNKNOWN}")).status


async def test_a_key_opens_one_record(clock: StillClock) -> None:
    """The same key gets the same record again, and is bound to its request."""
    key = uuid4()
    async with Sandbox(ledger=True, clock=clock) as ledger, connected(ledger) as client:
        first = await client.initialize(key, UNKNOWN)

        assert first.json == (await client.initialize(key, UNKNOWN)).json
        assert "key-reused" == (await client.initialize(key, LOW)).slug
        assert [key] == [opening.key for opening in ledger.openings]


async def test_a_forgotten_key_opens_another(clock: StillClock) -> None:
    """A client that repeats a forgotten write without reading first opens a second record."""
    key = uuid4()
    async with Sandbox(ledger=True, clock=clock) as ledger, connected(ledger) as client:
        ledger.faults = Faults(mode="crash_after_write", times=1)
        with pytest.raises(aiohttp.ClientConnectionError):
            await client.initialize(key, UNKNOWN)
        await client.initialize(key, UNKNOWN)

        assert [key, key] == [opening.key for opening in ledger.openings]


async def test_survives_a_restart(tmp_path: Path, clock: StillClock) -> None:
    """A ledger in a file keeps its records and keys; reset forgets them."""
    key = uuid4()
    path = tmp_path / "ledger.db"
    async with Sandbox(ledger=True, store_path=path) as ledger, connected(ledger) as client:
        await client.initialize(key, UNKNOWN)

    async with Sandbox(ledger=True, store_path=path) as ledger, connected(ledger) as client:
        await client.initialize(key, UNKNOWN)
        assert [key] == [opening.key for opening in ledger.openings]
        ledger.reset()
        assert [] == ledger.openings


async def test_seeded_records_are_no_openings(clock: StillClock) -> None:
    """Seeded records are not in the openings."""
    async with Sandbox(ledger=True, seed=SEED, clock=clock) as ledger:
        assert [] == ledger.openings


async def test_other_sandboxes_keep_no_openings(client: CheckedClient, sandbox: Sandbox) -> None:
    """A sandbox without a ledger raises, and names `ledger=True`."""
    with pytest.raises(RuntimeError, match="make it with ledger=True"):
        _ = sandbox.openings
