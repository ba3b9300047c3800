"""Adapters without an outside: for tests, demos, and a host that has no Inventory Service yet."""

from shelfport.adapters.memory.inventory import InMemoryInventory

__all__ = ["InMemoryInventory"]
