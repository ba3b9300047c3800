"""What tests of queues share: the entries, instants and claims of the conformance suite."""

from shelfport.contracts.conformance.queue.given import (
    an_entry,
    at,
    claimed,
    key_of,
    queued,
)

__all__ = ["an_entry", "at", "claimed", "key_of", "queued"]
