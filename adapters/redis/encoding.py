"""The format of a value in Redis: one byte with the version, then MessagePack.

During a rollout, replicas of several releases share one Redis. Each reads every version up to its
own; a value of an unknown version is a miss.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import msgspec

from shelfport.domain.model import (
    Freshness,
    ProductVariantId,
    StockLevel,
    StockReading,
    StockStatus,
    UnknownVariant,
)
from shelfport.ports.shared_store import StoredValue

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_STATUSES = (StockStatus.IN_STOCK, StockStatus.LOW_STOCK, StockStatus.OUT_OF_STOCK)
"""By their number in version 1: append to it, never reorder it."""


class _Level1(msgspec.Struct, array_like=True, frozen=True):
    quantity: int
    status: int
    updated_at: int


class _Reading1(msgspec.Struct, array_like=True, frozen=True):
    """Version 1. Instants are microseconds since 1970; no level means "unknown variant"."""

    as_of: int
    source: str = ""
    level: _Level1 | None = None


_encode = msgspec.msgpack.Encoder().encode
_decode1 = msgspec.msgpack.Decoder(_Reading1).decode


def microseconds(instant: datetime) -> int:
    """Since 1970, exactly."""
    return (instant - _EPOCH) // _MICROSECOND


def encode(value: StoredValue, as_of: datetime) -> bytes:
    """The payload of `value`, in the newest version."""
    if isinstance(value, UnknownVariant):
        return b"\x01" + _encode(_Reading1(microseconds(as_of)))
    level = value.level
    return b"\x01" + _encode(
        _Reading1(
            microseconds(as_of),
            value.source,
            _Level1(
                level.available_quantity,
                _STATUSES.index(level.status),
                microseconds(level.updated_at),
            ),
        )
    )


def decode(
    variant: ProductVariantId, payload: bytes, latest: int | None = None
) -> StoredValue | None:
    """The value of `payload`; None if its version is unknown, or it is damaged.

    Args:
        variant: the variant of the value.
        payload: the bytes from Redis.
        latest: a later `as_of` is set to this, in microseconds since 1970.
    """
    reader = _READERS.get(payload[:1])
    if reader is None:
        return None
    try:
        return reader(variant, payload[1:], latest)
    except (msgspec.DecodeError, ValueError, LookupError, OverflowError):
        return None  # msgspec's, the domain's own rules, an unknown status, a year beyond 9999


def _version_1(variant: ProductVariantId, payload: bytes, latest: int | None) -> StoredValue:
    read = _decode1(payload)
    as_of = _shared_instant(read.as_of)
    if latest is not None and latest < read.as_of:
        as_of = _shared_instant(latest)
    if read.level is None:
        return UnknownVariant(variant, as_of)
    if read.level.status < 0:
        raise LookupError(read.level.status)
    level = StockLevel(
        variant,
        read.level.quantity,
        _STATUSES[read.level.status],
        _instant(read.level.updated_at),
    )
    return StockReading(level, as_of, read.source, Freshness.CACHED)


_Reader = Callable[[ProductVariantId, bytes, int | None], StoredValue]
_READERS: dict[bytes, _Reader] = {b"\x01": _version_1}


def _instant(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


@lru_cache(64)
def _shared_instant(microseconds: int) -> datetime:
    """One object for all readings of a request, so that they compare by identity."""
    return _instant(microseconds)
