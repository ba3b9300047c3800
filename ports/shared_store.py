"""The port to a cache that all replicas share."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from enum import Enum
from typing import Protocol

import attrs

from shelfport.domain.model import ProductVariantId, StockReading, UnknownVariant

Kept = StockReading | UnknownVariant
"""What is kept of a variant."""


class SharedCacheUnavailable(Exception):
    """The store did not do what it was asked: one sentence, without its credentials."""

    store_failed = True
    """Whether that says something of its health."""


class SharedCacheFull(SharedCacheUnavailable):
    """It answers, but takes nothing more."""

    store_failed = False


class Lease(Enum):
    """Who asks the service about a variant that is not current."""

    NONE = "none"
    """Nobody needs to, or no lease was asked for."""
    HELD = "held"
    HELD_BY_OTHER = "held-by-other"
    """Another replica is at it: what it brings will be here in a moment."""


@attrs.frozen
class Lookup:
    """What the store says of one variant."""

    kept: Kept | None
    """With its true `as_of`, marked CACHED."""
    current: bool
    """It is young enough, and nothing happened to the variant since it was read."""
    token: bytes
    """Must be shown to keep what a read brings that begins now. Empty: nothing can be kept."""
    lease: Lease


@attrs.frozen
class LookupOptions:
    """What is asked of the store for one page."""

    now: datetime
    reading_age: float
    """Seconds; only a younger reading is current."""
    unknown_age: float
    """Seconds; only a younger "the service has no record of it" is current."""
    claim: str
    """Names whoever takes a lease."""
    lease: float
    """Seconds for which a lease is taken on what is not current; 0 takes none."""


@attrs.frozen
class StoreRequest:
    """One variant's part of what a read brought."""

    kept: Kept
    as_of: datetime
    token: bytes
    seconds: float
    """How long it is worth keeping from now."""


class SharedStore(Protocol):
    """A cache that all replicas share. Each method but `changes` is one round trip.

    Obligations: whatever the network or the server does is a `SharedCacheUnavailable`. A fence invalidates the
    tokens given out before it; a token that the store does not know (any more) keeps nothing.
    Between two readings the later `updated_at` wins, of equal ones the later `as_of`. A lease ends
    by itself.
    """

    async def look(
        self, ids: Sequence[ProductVariantId], terms: LookupOptions
    ) -> Mapping[ProductVariantId, Lookup]:
        """A glance at each variant, and leases on those that are not current."""
        ...

    async def keep(
        self, page: Mapping[ProductVariantId, StoreRequest], now: datetime, claim: str
    ) -> None:
        """Keep what the tokens allow, and end the leases of `claim` on these variants."""
        ...

    async def release(self, ids: Sequence[ProductVariantId], claim: str) -> None:
        """End the leases of `claim`: what it asked for did not come."""
        ...

    async def fence(self, ids: Sequence[ProductVariantId], stamp: str | None) -> None:
        """Nothing read before now is current any more; other replicas are told.

        A stamp orders the events of a variant: one that is not later than the last does nothing.
        """
        ...

    async def check(self) -> None:
        """Find out whether it answers."""
        ...

    def changes(self) -> AbstractAsyncContextManager[AsyncIterator[Sequence[ProductVariantId]]]:
        """What other replicas fence from now on; ends with `SharedCacheUnavailable` when it is cut off."""
        ...
