"""The port to a cache that all replicas share."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from enum import Enum
from math import inf
from typing import Protocol

import attrs

from shelfport.domain.model import ProductVariantId, StockReading, UnknownVariant

StoredValue = StockReading | UnknownVariant
"""What the store holds of a variant."""


class SharedCacheUnavailable(Exception):
    """The store did not do what it should. The message is one sentence without credentials."""

    store_failed = True
    """Whether the error is a sign of bad health, so that the circuit breaker counts it."""


class SharedCacheFull(SharedCacheUnavailable):
    """The store answers, but has no memory left for new values."""

    store_failed = False


class Lease(Enum):
    """Which replica asks the service about a variant that is not current."""

    NONE = "none"
    """No replica needs to, or the lookup took no leases."""
    HELD = "held"
    """The replica that did the lookup."""
    HELD_BY_OTHER = "held-by-other"
    """Another replica: its answer will be in the store soon."""


@attrs.frozen
class Lookup:
    """What the store holds of one variant."""

    value: StoredValue | None
    """With its true `as_of`, marked CACHED. Of an "unknown" and a reading from before it: the first
    as long as it is current, then the reading."""
    current: bool
    """Whether `value` is young enough, and no fence came after it was read."""
    token: bytes
    """The fencing token that stores the answer of a read that begins now. Empty: the store takes
    none."""
    lease: Lease
    absent: bool = False
    """Whether the last answer was "the service has no record of it", and no fence came after it:
    a reading in `value` is then from before that."""


@attrs.frozen
class LookupOptions:
    """The terms of a lookup of several variants."""

    now: datetime
    reading_age: float
    """Seconds since the request for it (`as_of` plus `upstream_age`); only a younger reading is
    current."""
    unknown_age: float
    """The same of "the service has no record of it"."""
    claim: str
    """Identifies the holder of the leases that the lookup takes."""
    lease: float
    """Seconds for which a lease is taken on each variant that is not current; 0 takes none."""
    max_staleness: float = inf
    """Seconds since `as_of`; only a younger value of either kind is current."""


@attrs.frozen
class StoreRequest:
    """The answer for one variant, to be stored."""

    value: StoredValue
    as_of: datetime
    token: bytes
    """The token of the lookup before the read."""
    ttl: float
    """Seconds from now until the store forgets it."""
    regression_hold: float = 0.0
    """Seconds for which an older level than the stored one is held back; see `SharedStore`."""


class SharedStore(Protocol):
    """A cache that all replicas share. Each method but `invalidations` is one round trip.

    Obligations: every failure of the network or the server is a `SharedCacheUnavailable`. A fence
    invalidates the tokens given out before it; a token that the store does not know (any more)
    stores nothing. An answer whose `upstream_age` begins before the fence is stored, and is not
    current. A lease ends by itself. A store with resources is an async context manager as well,
    which can be entered again after it was left, in another event loop.

    Between two readings the later `updated_at` wins, none counted later than its reading's `as_of`;
    of equal ones, or if one has none, the later `as_of`. A later reading with an older `updated_at`
    is a regression: it is held back, and wins if a request of `regression_hold` seconds after the
    one for the first regression still brings one. A reading that wins ends that. A request that
    brings nothing newer, and the first regression, make the stored reading current again: its
    `upstream_age` then counts to that request.

    An "unknown" is kept beside the reading, not in its place; it ends with the first reading whose
    `as_of` is not earlier, or after its own `ttl`.
    """

    async def lookup(
        self, ids: Sequence[ProductVariantId], options: LookupOptions
    ) -> Mapping[ProductVariantId, Lookup]:
        """Look up each variant, and take leases on those that are not current."""
        ...

    async def store(
        self, page: Mapping[ProductVariantId, StoreRequest], now: datetime, claim: str
    ) -> None:
        """Store what the tokens allow, and end the leases of `claim` on these variants."""
        ...

    async def release(self, ids: Sequence[ProductVariantId], claim: str) -> None:
        """End the leases of `claim` after a read that brought no answer."""
        ...

    async def fence(self, ids: Sequence[ProductVariantId], stamp: str | None) -> None:
        """Invalidate everything that was read before now, and announce it to other replicas.

        A stamp orders the events of a variant: one that is not later than the last does nothing.
        """
        ...

    async def check(self) -> None:
        """Return if the server answers."""
        ...

    def invalidations(
        self,
    ) -> AbstractAsyncContextManager[AsyncIterator[Sequence[ProductVariantId]]]:
        """Receive what other replicas fence from now on.

        Ends with `SharedCacheUnavailable` when the connection is lost.
        """
        ...
