"""The suite of `Bus` on the bus inside one process; on brokers it is in `tests/services/events`."""

import pytest

from shelfport.adapters.bus.in_process import InProcessBus
from shelfport.contracts.conformance import BusConformance, BusHarness
from shelfport.ports import Bus


class InProcessHarness(BusHarness):
    def __init__(self) -> None:
        self.in_process = InProcessBus()

    def bus(self) -> Bus:
        return self.in_process

    async def cut(self) -> None:
        self.in_process.available = False


class TestInProcessBus(BusConformance):
    cuts = True

    @pytest.fixture
    def harness(self) -> InProcessHarness:
        return InProcessHarness()
