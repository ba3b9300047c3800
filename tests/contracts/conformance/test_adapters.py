"""The conformance suite on the adapters of this library, alone."""

from pathlib import Path

import pytest

from shelfport.contracts.conformance import (
    Capabilities,
    Harness,
    InventoryPortConformance,
    Trouble,
)
from tests.contracts.conformance.harnesses import (
    MemoryHarness,
    SandboxHarness,
    TroubledMemoryHarness,
    bare,
)


class TestInMemoryInventory(InventoryPortConformance):
    capabilities = Capabilities(
        troubles={Trouble.UNREACHABLE},
        many_ids=1000,
    )

    @pytest.fixture
    def harness(self) -> Harness:
        return MemoryHarness()


class TestInMemoryInventoryInTrouble(InventoryPortConformance):
    """The harness that the layers stand on must be an honest adapter itself."""

    capabilities = Capabilities(
        troubles=Trouble, counts_requests=True, spoils_one=True, many_ids=1000
    )

    @pytest.fixture
    def harness(self) -> Harness:
        return TroubledMemoryHarness(bare)


class TestHttpInventory(InventoryPortConformance):
    capabilities = Capabilities(
        troubles=Trouble,
        holds_resources=True,
        counts_requests=True,
        spoils_one=True,
        many_ids=200,
    )

    @pytest.fixture
    def harness(self, tmp_path: Path) -> Harness:
        return SandboxHarness(tmp_path)
