"""`Pauses`: which variants are not asked for after a failure, and until when."""

from math import inf

import attrs
import pytest

from shelfport import InventoryError, ProductVariantId
from shelfport.adapters.layers import ReadingStore
from shelfport.adapters.layers.cache.moment import Moment
from shelfport.adapters.layers.cache.pauses import Pauses
from shelfport.errors import (
    CircuitOpen,
    ContractViolation,
    DeadlineExceeded,
    FaultScope,
    RequestBlocked,
    RequestRejected,
    TimedOut,
    Unauthorized,
)
from shelfport.options import CacheOptions
from shelfport.ports import Unreadable
from tests.support.clocks import EPOCH
from tests.support.listening import lowest
from tests.support.values import a_reading, an_id

A, B, C = an_id(1), an_id(2), an_id(3)
OPTIONS = CacheOptions(ttl=5, negative_ttl=4, jitter=0.2, refresh_backoff=1, max_entries=3)
NOW = 100.0
NONSENSE = ContractViolation("nonsense", ids=(A,), scope=FaultScope.ELEMENT)


@pytest.fixture
def store() -> ReadingStore:
    return ReadingStore(OPTIONS, lowest)


@pytest.fixture
def pauses(store: ReadingStore) -> Pauses:
    return Pauses(store)


def fail(
    pauses: Pauses, error: InventoryError, *variants: ProductVariantId, at: float = NOW
) -> None:
    """A read that took half a second failed."""
    pauses.failed(variants, error, asked_at=at - 0.5, now=at)


def answer(pauses: Pauses, variant: ProductVariantId, at: float = NOW) -> Unreadable | None:
    return pauses.answer(variant, at, inf)


def holding(pauses: Pauses, at: float = NOW) -> list[ProductVariantId]:
    return [variant for variant in (A, B, C) if pauses.holds(variant, at)]


def test_at_the_start(pauses: Pauses) -> None:
    """Nothing pauses at first."""
    assert ([], None, 0) == (holding(pauses), answer(pauses, A), len(pauses))


def test_back_off(pauses: Pauses) -> None:
    """`back_off` pauses the variants for `refresh_backoff`, without an answer."""
    pauses.back_off((A, B), NOW)

    assert [A, B] == holding(pauses, NOW + 0.99)
    assert [] == holding(pauses, NOW + 1)
    assert [None, None] == [answer(pauses, variant) for variant in (A, B)]


@pytest.mark.parametrize(
    "error", [TimedOut("late"), CircuitOpen("open"), Unauthorized("401"), ContractViolation("all")]
)
def test_a_fault_that_is_not_the_variants_own(pauses: Pauses, error: InventoryError) -> None:
    """A fault of the service, the credentials or this process pauses the refreshing alone."""
    fail(pauses, error, A)

    assert (None, [A]) == (answer(pauses, A), holding(pauses, NOW + 0.99))
    assert [] == holding(pauses, NOW + 1)


@pytest.mark.parametrize("variants", [(A,), (A, B)])
def test_a_callers_fault(pauses: Pauses, variants: tuple[ProductVariantId, ...]) -> None:
    """A deadline of the caller pauses nothing."""
    fail(pauses, DeadlineExceeded("late"), *variants)

    assert [] == holding(pauses)


@pytest.mark.parametrize(
    "error",
    [
        NONSENSE,
        ContractViolation("nonsense", scope=FaultScope.ELEMENT),
        RequestBlocked("403", ids=(A,)),
        RequestRejected("400"),
    ],
)
def test_an_own_fault_is_remembered(pauses: Pauses, error: InventoryError) -> None:
    """A variant's own fault is its answer until `negative_ttl` after the read began."""
    fail(pauses, error, A)

    remembered = answer(pauses, A, NOW + 3.49)
    assert remembered is not None
    assert (str(error), vars(error)) == (str(remembered.error), vars(remembered.error))
    assert (None, []) == (answer(pauses, A, NOW + 3.5), holding(pauses, NOW + 3.5))


def test_nonsense_of_all(pauses: Pauses) -> None:
    """If every element is nonsense, that is remembered of every variant that the error names."""
    both = ContractViolation("nonsense", ids=(A, B), scope=FaultScope.ELEMENT)

    fail(pauses, both, A, B)

    assert [True, True] == [answer(pauses, variant) is not None for variant in (A, B)]


def test_an_error_about_another_variant(pauses: Pauses) -> None:
    """Of a read that failed by one variant's own fault, the others are backed off alone."""
    fail(pauses, NONSENSE, B, A)

    assert [True, False] == [answer(pauses, variant) is not None for variant in (A, B)]
    assert [A, B] == holding(pauses)
    assert [A] == holding(pauses, NOW + 1)


def test_a_refused_batch(pauses: Pauses) -> None:
    """A request for several variants that is refused is no variant's own fault."""
    fail(pauses, RequestRejected("400", ids=(A, B)), A, B)
    fail(pauses, RequestRejected("400", ids=(B, C)), C)

    assert [None] * 3 == [answer(pauses, variant) for variant in (A, B, C)]
    assert [A, B, C] == holding(pauses)


def test_a_copy_is_kept(pauses: Pauses) -> None:
    """A copy of the error is kept, so that the frames that it went through are freed."""
    error = RequestBlocked("403", ids=(A,))
    with pytest.raises(RequestBlocked):
        raise error

    fail(pauses, error, A)

    remembered = answer(pauses, A)
    assert remembered is not None
    assert (True, None) == (error.__traceback__ is not None, remembered.error.__traceback__)


@pytest.mark.parametrize(
    ("longest", "given"), [(inf, True), (1.01, True), (1.0, False), (0.0, False)]
)
def test_max_staleness(pauses: Pauses, longest: float, given: bool) -> None:
    """A caller gets a remembered fault only if its read began within the caller's limit."""
    fail(pauses, NONSENSE, A)

    assert given == (pauses.answer(A, NOW + 0.5, longest) is not None)


@pytest.mark.parametrize("asked_at", [NOW - 1.5, NOW - 1.0])
def test_a_failure_from_before_a_fence(
    store: ReadingStore, pauses: Pauses, asked_at: float
) -> None:
    """What a read that began before a change found out is not remembered after it."""
    store.fence(A, NOW - 1.0)

    pauses.failed((A,), NONSENSE, asked_at=asked_at, now=NOW)

    assert (None, [A]) == (answer(pauses, A), holding(pauses, NOW + 0.99))


def test_a_failure_after_a_fence(store: ReadingStore, pauses: Pauses) -> None:
    """What a read that began after a change found out is remembered."""
    store.fence(A, NOW - 1.0)

    fail(pauses, NONSENSE, A)

    assert answer(pauses, A) is not None


def test_ended(pauses: Pauses) -> None:
    """`end` ends the pauses of the given variants, and of no others."""
    pauses.end((A,))
    fail(pauses, NONSENSE, A)
    pauses.back_off((B, C), NOW)

    pauses.end((A, B, an_id(9)))

    assert ([C], 1) == (holding(pauses), len(pauses))


def test_all_ended(pauses: Pauses) -> None:
    """`end_all` ends every pause."""
    pauses.back_off((A, B), NOW)

    pauses.end_all()

    assert ([], 0) == (holding(pauses), len(pauses))


@pytest.mark.parametrize("asked_at", [NOW - 0.5, NOW])
def test_no_time_to_remember(asked_at: float) -> None:
    """With `negative_ttl` 0 a variant's own fault is not remembered, and only backed off."""
    pauses = Pauses(ReadingStore(attrs.evolve(OPTIONS, negative_ttl=0.0), lowest))

    pauses.failed((A,), NONSENSE, asked_at=asked_at, now=NOW)

    assert (None, [A]) == (answer(pauses, A), holding(pauses, NOW + 0.99))


def test_the_oldest_make_room(pauses: Pauses) -> None:
    """At most `max_entries` pauses are kept; the oldest are dropped first."""
    fail(pauses, NONSENSE, A)
    pauses.back_off((B, C), NOW)
    fail(pauses, NONSENSE, A)  # makes it the youngest

    pauses.back_off((an_id(4),), NOW)

    assert ([A, C], 3) == (holding(pauses), len(pauses))


def test_ended_pauses_are_dropped(pauses: Pauses) -> None:
    """The next failure drops the pauses that have ended by then."""
    pauses.back_off((A, B), NOW)
    pauses.back_off((C,), NOW + 0.5)
    assert 3 == len(pauses)

    pauses.back_off((C,), NOW + 1)

    assert ([C], 1) == (holding(pauses, NOW + 1), len(pauses))


@pytest.mark.parametrize("ttl", [5.0, 10.0, 0.0])
def test_jitter(ttl: float) -> None:
    """The time is as much shorter than `negative_ttl` as the same read's `ttl` is."""
    options = attrs.evolve(OPTIONS, ttl=ttl)
    pauses = Pauses(ReadingStore(options, lambda low, high: high))
    pauses.failed((A,), NONSENSE, asked_at=NOW, now=NOW)

    assert answer(pauses, A, NOW + 0.8 * 4 - 0.01) is not None
    assert answer(pauses, A, NOW + 0.8 * 4 + 0.01) is None


def test_one_read_has_one_jitter() -> None:
    """A fault and a reading that one read brought end by the same share of their windows."""
    draws = iter((0.1, 0.2))
    store = ReadingStore(OPTIONS, lambda low, high: next(draws))
    pauses = Pauses(store)
    moment = Moment(NOW, EPOCH.timestamp(), NOW)
    store.store_answers({B: a_reading(B)}, asked_at=NOW, moment=moment)

    pauses.failed((A,), NONSENSE, asked_at=NOW, now=NOW)

    assert answer(pauses, A, NOW + 0.9 * 4 - 0.01) is not None
    assert answer(pauses, A, NOW + 0.9 * 4 + 0.01) is None
