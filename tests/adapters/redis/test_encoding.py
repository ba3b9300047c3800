from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfport import (
    Freshness,
    StockLevel,
    StockReading,
    StockStatus,
)
from shelfport.adapters.redis.encoding import decode, encode, microseconds
from shelfport.ports import MAX_QUANTITY, UnknownVariant
from tests.support.values import an_id

A = an_id(1)
AS_OF = datetime(2026, 3, 1, 12, 30, 0, 123456, UTC)
UPDATED_AT = datetime(2026, 2, 28, 8, 0, 0, 7, UTC)

KEPT_SAMPLES: dict[str, tuple[str, StockReading | UnknownVariant]] = {
    # Payloads as released versions wrote them. Never changed: add the next version's below.
    "1: in stock": (
        "0193cf00064bf5a0fac440a46874747093ccc800cf00064bddbd892007",
        StockReading(
            StockLevel(A, 200, StockStatus.IN_STOCK, UPDATED_AT), AS_OF, "http", Freshness.CACHED
        ),
    ),
    "1: low": (
        "0193cf00064bf5a0fac440a468747470930301cf00064bddbd892007",
        StockReading(
            StockLevel(A, 3, StockStatus.LOW_STOCK, UPDATED_AT), AS_OF, "http", Freshness.CACHED
        ),
    ),
    "1: out": (
        "0193cf00064bf5a0fac440a468747470930002cf00064bddbd892007",
        StockReading(
            StockLevel(A, 0, StockStatus.OUT_OF_STOCK, UPDATED_AT), AS_OF, "http", Freshness.CACHED
        ),
    ),
    "1: unknown variant": ("0193cf00064bf5a0fac440a0c0", UnknownVariant(A, AS_OF)),
    "2: in stock": (
        "0294cf00064bf5a0fac440a46874747094ccc800cf00064bddbd892007c000",
        StockReading(
            StockLevel(A, 200, StockStatus.IN_STOCK, UPDATED_AT), AS_OF, "http", Freshness.CACHED
        ),
    ),
    "2: without a date, of a status of the service's, from a cache on the way": (
        "0294cf00064bf5a0fac440a468747470940301c0a94241434b4f52444552ce23c71690",
        StockReading(
            StockLevel(A, 3, StockStatus.LOW_STOCK, None, "BACKORDER"),
            AS_OF,
            "http",
            Freshness.CACHED,
            600.25,
        ),
    ),
    "2: unknown variant": ("0294cf00064bf5a0fac440a0c000", UnknownVariant(A, AS_OF)),
    "2: unknown variant, from a cache on the way": (
        "0294cf00064bf5a0fac440a0c0ce23c71690",
        UnknownVariant(A, AS_OF, 600.25),
    ),
}

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
instants = st.integers(0, 2**53).map(lambda micros: EPOCH + timedelta(microseconds=micros))
ages = st.integers(0, 2**45).map(lambda micros: micros / 1_000_000)
"""In whole microseconds, up to a year."""


@pytest.mark.parametrize("name", KEPT_SAMPLES)
def test_payloads_of_released_versions(name: str) -> None:
    """A payload of any released version decodes to its value."""
    payload, expected = KEPT_SAMPLES[name]

    kept = decode(A, bytes.fromhex(payload))

    assert expected == kept
    assert isinstance(kept, StockReading | UnknownVariant)
    assert (expected.as_of, expected.upstream_age) == (kept.as_of, kept.upstream_age)


@given(
    quantity=st.integers(0, MAX_QUANTITY),
    status=st.sampled_from(StockStatus),
    updated_at=st.none() | instants,
    reported=st.none() | st.text(max_size=64),
    as_of=instants,
    source=st.text(max_size=20),
    upstream_age=ages,
)
def test_a_reading_comes_back_as_it_was(
    *,
    quantity: int,
    status: StockStatus,
    updated_at: datetime | None,
    reported: str | None,
    as_of: datetime,
    source: str,
    upstream_age: float,
) -> None:
    """A reading is decoded as it was, to the microsecond, and marked CACHED."""
    level = StockLevel(A, quantity, status, updated_at, reported)
    reading = StockReading(level, as_of, source, upstream_age=upstream_age)

    assert reading.kept_as(Freshness.CACHED) == decode(A, encode(reading, as_of))


@given(as_of=instants, upstream_age=ages)
def test_an_unknown_variant_comes_back(as_of: datetime, upstream_age: float) -> None:
    """An "unknown" is stored with its date, and how long a cache on the way had kept it."""
    kept = decode(A, encode(UnknownVariant(A, upstream_age=upstream_age), as_of))

    assert isinstance(kept, UnknownVariant)
    assert (A, as_of, upstream_age) == (kept.variant_id, kept.as_of, kept.upstream_age)


def test_a_reading_is_small() -> None:
    """A reading takes few bytes: a catalog of 100,000 variants fits beside other tenants."""
    reading = StockReading(StockLevel(A, 200, StockStatus.IN_STOCK, UPDATED_AT), AS_OF, "http")

    assert len(encode(reading, AS_OF)) <= 32


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\x00",
        b"\x03" + encode(UnknownVariant(A), AS_OF)[1:],
        b"\x01",
        b"\x01\xc1",
        b"\x01\x93\x01\xa0\x93\x01\x07\x01",
        b"\x01\x93\x01\xa0\x93\x01\xff\x01",
        b"\x01\x93\x01\xa0\x93\xff\x00\x01",
        b"\x01\x93\xcf" + b"\xff" * 8 + b"\xa0\xc0",
        b'{"quantity": 3}',
        b"\x80\x04\x95\x00",
    ],
    ids=[
        "nothing",
        "no version",
        "a version to come",
        "cut off",
        "no MessagePack",
        "an unknown status",
        "a negative status",
        "a negative quantity",
        "a year beyond all calendars",
        "JSON",
        "a pickle",
    ],
)
def test_a_payload_that_is_not_understood_is_a_miss(payload: bytes) -> None:
    """A payload of a later version, or a damaged one, is a miss."""
    assert decode(A, payload) is None


@given(version=st.sampled_from([b"\x01", b"\x02"]), payload=st.binary(max_size=60))
def test_no_payload_raises(version: bytes, payload: bytes) -> None:
    """No payload makes decoding raise."""
    kept = decode(A, version + payload)

    assert kept is None or isinstance(kept, StockReading | UnknownVariant)


def test_microseconds_are_exact() -> None:
    """Instants are whole microseconds, which a Lua number holds exactly until the year 2255."""
    last = datetime(2255, 1, 1, tzinfo=UTC)

    assert microseconds(last) == int(float(microseconds(last))) < 2**53
    assert last == EPOCH + timedelta(microseconds=microseconds(last))


def test_a_reading_is_no_younger_than_the_server_says() -> None:
    """A decoded `as_of` is no later than the age by the server's clock allows."""
    reading = StockReading(StockLevel(A, 1, StockStatus.LOW_STOCK, UPDATED_AT), AS_OF, "http")
    payload, earlier = encode(reading, AS_OF), AS_OF - timedelta(seconds=3)

    for latest, expected in ((earlier, earlier), (AS_OF, AS_OF), (UPDATED_AT, UPDATED_AT)):
        kept = decode(A, payload, microseconds(latest))
        assert isinstance(kept, StockReading)
        assert (expected, reading.level) == (kept.as_of, kept.level)
    assert decode(A, payload, microseconds(AS_OF + timedelta(days=1))) == decode(A, payload)


def test_a_later_request_counts_to_the_upstream_age() -> None:
    """A later request for the variant that brought nothing newer makes `upstream_age` longer."""
    reading = StockReading(
        StockLevel(A, 1, StockStatus.LOW_STOCK, None), AS_OF, "http", upstream_age=3.0
    )
    payload = encode(reading, AS_OF)

    for later, expected in ((0, 3.0), (2_000_000, 3.0), (5_500_000, 5.5)):
        kept = decode(A, payload, None, later)
        assert isinstance(kept, StockReading)
        assert (AS_OF, expected) == (kept.as_of, kept.upstream_age)
