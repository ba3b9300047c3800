"""`BoundedDict`: a mapping that drops its oldest entry when it is full."""

from collections import OrderedDict
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class BoundedDict(Generic[K, V]):
    """At most `max_entries` entries; putting a key again makes it the newest.

    Args:
        max_entries: how many entries to keep.
    """

    def __init__(self, max_entries: int) -> None:
        self._max_entries = max_entries
        self._entries: OrderedDict[K, V] = OrderedDict()

    def __contains__(self, key: K) -> bool:
        return key in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: K) -> V | None:
        """The value of `key`; None if there is none, or it was dropped."""
        return self._entries.get(key)

    def discard(self, key: K) -> None:
        """Remove `key`, if it is there."""
        self._entries.pop(key, None)

    def put(self, key: K, value: V) -> None:
        """Store `value` under `key`."""
        self._entries[key] = value
        self._entries.move_to_end(key)
        if len(self._entries) > self._max_entries:
            self._entries.popitem(last=False)
