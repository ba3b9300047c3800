"""The demo catalog: the same everywhere, and a bit of everything."""

from collections import Counter

from shelfport.contracts.sandbox import BY_ID, CATALOGUE, FORTHCOMING, Sandbox, seed_records
from shelfport.contracts.sandbox.store import status_of
from shelfport.domain.model import StockStatus, variant_id
from tests.contracts.sandbox_setup import connected


def test_ids_are_fixed() -> None:
    """The ids are the same on every machine and in every version."""
    assert variant_id("7d6aed21-5d13-5113-8dd7-fc1ddeedb6be") == CATALOGUE[0].variant_id
    assert "Ridgeline Trail Shoe, 40, moss" == BY_ID[CATALOGUE[0].variant_id].name
    assert len(CATALOGUE) + len(FORTHCOMING) == len(BY_ID)


def test_has_every_status() -> None:
    """24 variants, of which some are in stock, some low and some out."""
    statuses = Counter(status_of(v.available_quantity, v.low_stock_threshold) for v in CATALOGUE)

    assert 24 == len(CATALOGUE) == statuses.total()
    assert all(statuses[status] >= 4 for status in StockStatus)


async def test_seeds_a_sandbox() -> None:
    """A sandbox with the catalog knows its variants, but not the forthcoming ones."""
    async with Sandbox(seed=seed_records()) as sandbox, connected(sandbox) as client:
        ids = ",".join(str(v.variant_id) for v in (*CATALOGUE, *FORTHCOMING))
        answered = await client.get(f"/inventory?productVariantIds={ids}")

    assert {str(v.variant_id): v.available_quantity for v in CATALOGUE} == {
        level["productVariantId"]: level["availableQuantity"] for level in answered.json
    }
