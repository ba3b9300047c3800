"""Adapters without an outside: for tests, demos, and a host that has no Inventory Service yet."""

from shelfport.adapters.memory.inventory import InMemoryInventory
from shelfport.adapters.memory.queue import InMemoryQueue

__all__ = ["InMemoryInventory", "InMemoryQueue"]
