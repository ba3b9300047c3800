"""What tests of queues share: the entries, instants and claims of the conformance suite."""

from shelfport.contracts.conformance.queue.given import (
    Counts,
    an_entry,
    at,
    claimed,
    counts_of,
    key_of,
    queued,
)

__all__ = ["Counts", "an_entry", "at", "claimed", "counts_of", "key_of", "queued"]
