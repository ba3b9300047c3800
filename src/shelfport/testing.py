"""For the tests of a host: what the fixtures of the pytest plugin give, and a bus in process."""

from shelfport.adapters.bus.in_process import InProcessBus
from shelfport.adapters.hosts.pytest_fakes import FakeInventory, InventoryServer

__all__ = [
    "FakeInventory",
    "InProcessBus",
    "InventoryServer",
]
