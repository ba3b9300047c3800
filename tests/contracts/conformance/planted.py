"""The conformance suite on faulty adapters. Run by test_planted_faults.py, and expected to fail."""

from contextlib import AbstractAsyncContextManager

import pytest

from shelfport import InventoryPort
from shelfport.contracts.conformance import (
    Capabilities,
    Harness,
    InventoryPortConformance,
    Trouble,
    running,
)
from tests.contracts.conformance.faults import FAULTS
from tests.contracts.conformance.faulty_reading import Faulty
from tests.contracts.conformance.harnesses import TroubledMemoryHarness, bare

running.CASE_TIMEOUT = 2.0  # one fault is that a read never ends
QUICK = frozenset({Trouble.UNREACHABLE, Trouble.ANSWER_LOST})


class FaultyHarness(TroubledMemoryHarness):
    """A faulty adapter over a memory that gets into every trouble."""

    def __init__(self, faulty: type[Faulty]) -> None:
        super().__init__(bare)
        self._faulty = faulty

    def adapter(self) -> AbstractAsyncContextManager[InventoryPort]:
        return bare(self._faulty(self._below, self.clock), self.clock)


def suite_on(
    adapter: type[Faulty],
    *,
    troubles: frozenset[Trouble] = frozenset(Trouble),
    keeps_readings: bool = False,
) -> type[InventoryPortConformance]:
    class OnFaulty(InventoryPortConformance):
        capabilities = Capabilities(
            troubles=troubles,
            counts_requests=True,
            spoils_one=True,
            keeps_readings=keeps_readings,
        )

        @pytest.fixture
        def harness(self) -> Harness:
            return FaultyHarness(adapter)

    return OnFaulty


TestNothingPlanted = suite_on(Faulty)
for _fault in FAULTS:
    globals()[f"Test{_fault.adapter.__name__}"] = suite_on(
        _fault.adapter, troubles=QUICK | _fault.needs, keeps_readings=_fault.keeps_readings
    )
