"""The conformance suite on every stack of layers, over memory and over HTTP."""

from pathlib import Path

import attrs
import pytest

from shelfport.contracts.conformance import (
    Capabilities,
    Harness,
    InventoryPortConformance,
    Trouble,
)
from tests.contracts.conformance.harnesses import SandboxHarness, TroubledMemoryHarness
from tests.contracts.conformance.stacks import STACKS, Stack


def over_memory(stack: Stack) -> type[InventoryPortConformance]:
    """The suite on `stack` over a memory in every trouble."""

    class OverMemory(InventoryPortConformance):
        capabilities = capabilities_of(stack)

        @pytest.fixture
        def harness(self) -> Harness:
            return TroubledMemoryHarness(stack.wrap, honours_deadline=not stack.bounds_waiting)

    return OverMemory


def over_http(stack: Stack) -> type[InventoryPortConformance]:
    """The suite on `stack` over HTTP to a sandbox."""

    class OverHttp(InventoryPortConformance):
        capabilities = attrs.evolve(capabilities_of(stack), holds_resources=True)

        @pytest.fixture
        def harness(self, tmp_path: Path) -> Harness:
            return SandboxHarness(tmp_path, stack.wrap)

    return OverHttp


def capabilities_of(stack: Stack) -> Capabilities:
    return Capabilities(
        troubles=Trouble,
        counts_requests=True,
        spoils_one=True,
        keeps_readings=stack.keeps_readings,
        many_ids=stack.many_ids,
    )


for _stack in STACKS:
    globals()[f"Test{_stack.name}OverMemory"] = over_memory(_stack)
    if _stack.over_http:
        globals()[f"Test{_stack.name}OverHttp"] = over_http(_stack)
