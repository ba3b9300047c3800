"""Compares the state after a run with the expected one: every difference is a violation."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from uuid import UUID

import attrs

from shelfport import InitializationPolicy
from shelfport.contracts.sandbox import Opening
from tests.durability.plan import Product
from tests.durability.service import decoy
from tests.durability.shop import Marking, Row

LOST = "lost"
TWICE = "twice"
KEY = "key"
FLAG = "flag"
ENTRY = "entry"
ORDER = "order"
PROCESS = "process"


@attrs.frozen
class Violation:
    """A difference from the expected state."""

    kind: str
    what: str


@attrs.frozen(kw_only=True)
class Evidence:
    """The state after a run."""

    wanted: Sequence[Product]
    products: Sequence[Row]
    markings: Sequence[Marking]
    """Oldest first."""
    openings: Sequence[Opening]
    """The ledger's, oldest first."""
    attempts: Sequence[UUID]
    """The keys of all POST requests that reached the service."""
    left: Sequence[tuple[UUID, str | None]]
    """The entries that are still in the queue: the key, and the reason of a dead letter."""
    failures: Sequence[str] = ()
    """Processes that failed: neither exit code 0 nor killed."""


def violations(evidence: Evidence) -> list[Violation]:
    """All violations, in no particular order; none if the run is correct."""
    return [
        Violation(kind, what)
        for rule in (_records, _keys, _flags, _entries, _processes)
        for kind, what in rule(evidence)
    ]


Found = Iterator[tuple[str, str]]


def _records(evidence: Evidence) -> Found:
    """Every product that can have a record has one, and one only."""
    counts = Counter(str(opening.variant_id) for opening in evidence.openings)
    there = {row.number for row in evidence.products}
    for product in evidence.wanted:
        count = counts[str(product.variant)]
        if product.number not in there:
            yield LOST, f"product {product.number} was never created"
        elif count == 0 and product.poisoned is None:
            yield LOST, f"product {product.number} has no record"
        elif count > 1:
            yield TWICE, f"product {product.number} has {count} records"


def _keys(evidence: Evidence) -> Found:
    """Every request has the idempotency key that was stored with the product."""
    key_of = {row.variant: UUID(row.key) for row in evidence.products}
    known = set(key_of.values())
    decoys = {str(decoy(p.poisoned)) for p in evidence.wanted if p.poisoned is not None}
    for opening in evidence.openings:
        variant = str(opening.variant_id)
        if variant not in decoys and key_of.get(variant) != opening.key:
            yield KEY, f"variant {variant} was opened under {opening.key}, which is not its key"
    for key, times in Counter(evidence.attempts).items():
        if key not in known:
            yield KEY, f"{times} requests came under {key}, a key that no product has"


def _flags(evidence: Evidence) -> Found:
    """A product is orderable as its policy says, and was marked in the right order."""
    wanted = {product.number: product for product in evidence.wanted}
    opened: dict[str, datetime] = {}
    for opening in evidence.openings:
        opened.setdefault(str(opening.variant_id), opening.opened_at)
    by_variant: dict[str, list[Marking]] = {}
    for marking in evidence.markings:
        by_variant.setdefault(marking.variant, []).append(marking)
    for row in evidence.products:
        product = wanted[row.number]
        markings = by_variant.get(row.variant, [])
        if product.policy is InitializationPolicy.RETRY_LATER:
            right = product.orderable
            if markings:
                yield FLAG, f"product {row.number} stays as it is, but the catalog marked it"
        else:
            right = row.variant in opened
            first = markings[0] if markings else None
            if first is None or first.orderable:
                yield ORDER, f"product {row.number} was never withheld"
            elif first.at > opened.get(row.variant, datetime.max.replace(tzinfo=UTC)):
                yield ORDER, f"product {row.number} was withheld after its record was opened"
        if row.orderable is not right:
            yield FLAG, f"product {row.number} is orderable: {row.orderable}, and should not be so"


def _entries(evidence: Evidence) -> Found:
    """The queue has the dead letters of all poisoned products, and no other entry."""
    poisoned = {p.poisoned: p.number for p in evidence.wanted if p.poisoned is not None}
    left = dict(evidence.left)
    for key, reason in left.items():
        if key not in poisoned or reason != "KEY_REUSED":
            yield ENTRY, f"the entry {key} is left: {reason or 'still waiting'}"
    for key in poisoned.keys() - left.keys():
        yield ENTRY, f"the entry of poisoned product {poisoned[key]} is gone"


def _processes(evidence: Evidence) -> Found:
    """Every process ended with exit code 0, or was killed."""
    for failure in evidence.failures:
        yield PROCESS, failure
