"""`BoundedDict`: a mapping that drops its oldest entry when it is full."""

from shelfport.adapters.runtime.bounded_dict import BoundedDict


def test_an_entry() -> None:
    """What was put is there, and nothing else."""
    entries: BoundedDict[str, int] = BoundedDict(2)
    entries.put("a", 1)

    assert (1, None) == (entries.get("a"), entries.get("b"))
    assert ("a" in entries, "b" in entries, len(entries)) == (True, False, 1)


def test_the_oldest_is_dropped() -> None:
    """When it is full, the entry goes that was put the longest ago; putting again counts."""
    entries: BoundedDict[str, int] = BoundedDict(2)
    for key, value in (("a", 1), ("b", 2), ("a", 3), ("c", 4)):
        entries.put(key, value)

    assert [3, None, 4] == [entries.get(key) for key in "abc"]
    assert 2 == len(entries)


def test_discarded() -> None:
    """A discarded entry is gone; one that is not there is no error."""
    entries: BoundedDict[str, int] = BoundedDict(2)
    entries.put("a", 1)

    entries.discard("a")
    entries.discard("b")

    assert (None, 0) == (entries.get("a"), len(entries))
