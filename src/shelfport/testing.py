"""What the fixtures of the pytest plugin hand out, by name: for annotations in a host's tests."""

from shelfport.adapters.hosts.pytest_fakes import FakeInventory, InventoryServer

__all__ = ["FakeInventory", "InventoryServer"]
