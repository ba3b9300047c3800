"""The adapter in memory: for tests, demos, and a host that has no Inventory Service yet."""

from shelfport.adapters.memory.inventory import InMemoryInventory

__all__ = ["InMemoryInventory"]
