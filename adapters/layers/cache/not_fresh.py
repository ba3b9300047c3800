"""`NotFresh`: what a page has to ask for, by how long the caller waits for it."""

import attrs

from shelfport.domain.model import ProductVariantId, StockReading


@attrs.define(eq=False)
class NotFresh:
    """The variants of one call that are not fresh, by the window in which their entry is."""

    missing: list[ProductVariantId] = attrs.field(factory=list)
    """No usable entry: the caller waits for the service until the deadline."""
    fallbacks: dict[ProductVariantId, StockReading] = attrs.field(factory=dict)
    """Of those of `missing` that the service had no record of, what was known before: for the case
    that it does not answer now."""
    stale_if_error: list[ProductVariantId] = attrs.field(factory=list)
    """The caller waits `soft_timeout` for the service, then gets the stored reading."""
    stale_while_revalidate: list[ProductVariantId] = attrs.field(factory=list)
    """The caller gets the stored reading; a background read refreshes it."""
    unreadable: int = 0
    """How many have no usable entry, but a fault of their own, which is remembered: the caller gets
    that."""

    def __len__(self) -> int:
        asked_for = len(self.missing) + len(self.stale_if_error) + len(self.stale_while_revalidate)
        return asked_for + self.unreadable
