"""For the tests of a host: the types of the pytest plugin's fixtures, and a bus in the process."""

from shelfport.adapters.bus.in_process import InProcessBus
from shelfport.adapters.hosts.pytest_fakes import FakeInventory, InventoryServer

__all__ = [
    "FakeInventory",
    "InProcessBus",
    "InventoryServer",
]
