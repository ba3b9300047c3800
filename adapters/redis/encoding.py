"""The format of a value in Redis: one byte with the version, then MessagePack.

During a rollout, replicas of several releases share one Redis. Each reads every version up to its
own; a value of an unknown version is a miss.
"""

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
"""By their number in every version: append to it, never reorder it."""
_VERSION = b"\x02"
_READABLE = (b"\x01", _VERSION)
"""Version 1 ends before the members that have a default: one decoder reads both."""


class _Level(msgspec.Struct, array_like=True, frozen=True):
    quantity: int
    status: int
    updated_at: int | None
    """Never None in version 1."""
    reported_status: str | None = None
    """Not in version 1."""


class _Value(msgspec.Struct, array_like=True, frozen=True):
    """Instants are microseconds since 1970; no level means "unknown variant"."""

    as_of: int
    source: str = ""
    level: _Level | None = None
    upstream_age: int = 0
    """In microseconds. Not in version 1."""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Value).decode


def microseconds(instant: datetime) -> int:
    """Since 1970, exactly."""
    return (instant - _EPOCH) // _MICROSECOND


def encode(value: StoredValue, as_of: datetime) -> bytes:
    """The payload of `value`, in the newest version."""
    upstream_age = round(value.upstream_age * 1_000_000)
    if isinstance(value, UnknownVariant):
        return _VERSION + _encode(_Value(microseconds(as_of), upstream_age=upstream_age))
    level = value.level
    kept = _Level(
        level.available_quantity,
        _STATUSES.index(level.status),
        None if level.updated_at is None else microseconds(level.updated_at),
        level.reported_status,
    )
    return _VERSION + _encode(_Value(microseconds(as_of), value.source, kept, upstream_age))


def decode(
    variant: ProductVariantId,
    payload: bytes,
    latest: int | None = None,
    upstream_age: int = 0,
) -> StoredValue | None:
    """The value of `payload`; None if its version is unknown, or it is damaged.

    Args:
        variant: the variant of the value.
        payload: the bytes from Redis.
        latest: a later `as_of` is set to this, in microseconds since 1970.
        upstream_age: a shorter `upstream_age` is set to this, in microseconds: a later request for
            the variant brought nothing newer.
    """
    if payload[:1] not in _READABLE:
        return None
    try:
        read = _decode(payload[1:])
        as_of = read.as_of if latest is None else min(read.as_of, latest)
        upstream = max(read.upstream_age, upstream_age) / 1_000_000
        if read.level is None:
            return UnknownVariant(variant, _shared_instant(as_of), upstream)
        return StockReading(
            _level(variant, read.level),
            _shared_instant(as_of),
            read.source,
            Freshness.CACHED,
            upstream,
        )
    except (msgspec.DecodeError, ValueError, LookupError, OverflowError):
        return None  # msgspec's, the domain's own rules, an unknown status, a year beyond 9999


def _level(variant: ProductVariantId, kept: _Level) -> StockLevel:
    if kept.status < 0:
        raise LookupError(kept.status)
    updated_at = None if kept.updated_at is None else _instant(kept.updated_at)
    status = _STATUSES[kept.status]
    return StockLevel(variant, kept.quantity, status, updated_at, kept.reported_status)


def _instant(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


@lru_cache(64)
def _shared_instant(microseconds: int) -> datetime:
    """One object for all readings of a request, so that they compare by identity."""
    return _instant(microseconds)
