"""The statements of the queue, for SQLite and PostgreSQL alike.

One statement is one transaction, so a worker that crashes leaves no change half done, and no lock
is held between two statements. SQLite takes its write lock at the beginning of an UPDATE; for
SQLite, SQLAlchemy leaves out FOR UPDATE, which SQLite neither knows nor needs.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    Delete,
    Select,
    Text,
    Update,
    case,
    column,
    delete,
    func,
    literal,
    null,
    select,
    table,
    update,
)

from shelfport.adapters.queue.sql.row import ENTRY_VERSION, TABLE, clean_text, to_micros
from shelfport.domain.model import LONGEST_WAIT, Claim, DeadLetterReason, InitializationPolicy

entries = table(
    TABLE,
    *(
        column(name, Text)
        for name in (
            "idempotency_key", "variant_id", "policy", "correlation_id", "traceparent",
            "last_error", "holder", "dead_reason", "host_id",
        )
    ),
    *(
        column(name, BigInteger)
        for name in (
            "initial_quantity", "low_stock_threshold", "queued_at", "due_at", "tries",
            "attempts", "claims", "entry_version", "token", "dead_at",
        )
    ),
    column("marked", Boolean),
)  # fmt: skip

_c = entries.c
_waiting = _c.dead_at.is_(None)


def undo_clock_step(now: datetime) -> Update:
    """Make entries due now whose `due_at` is later than any may be: a clock was ahead of `now`."""
    horizon = to_micros(now + timedelta(seconds=LONGEST_WAIT))
    return update(entries).where(_waiting, _c.due_at > horizon).values(due_at=to_micros(now))


def claim(
    *,
    holder: str,
    limit: int,
    now: datetime,
    lease: float,
    skip: InitializationPolicy | None,
) -> Update:
    """Claim the entries that are due longest; skip those that another worker is claiming now.

    The token is the present time, or the last token plus one if that is greater: so it is new even
    if an entry was dropped and stored once more under its key.
    """
    micros = to_micros(now)
    due = (
        select(_c.idempotency_key)
        .where(_waiting, _c.due_at <= micros, _c.entry_version <= ENTRY_VERSION)
        .where(*([] if skip is None else [_c.policy != skip.value]))
        .order_by(_c.due_at, _c.queued_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        # As a CTE, PostgreSQL evaluates it once; a subquery it may repeat, and take too many.
        .cte("due")
    )
    return (
        update(entries)
        .where(_c.idempotency_key.in_(select(due.c.idempotency_key)))
        .values(
            holder=holder,
            token=case((_c.token >= micros, _c.token + 1), else_=literal(micros, BigInteger)),
            claims=_c.claims + 1,
            due_at=to_micros(now + timedelta(seconds=lease)),
        )
        .returning(*_c)
    )


def _held(claim: Claim) -> Update:
    return update(entries).where(*_fence(claim))


def _fence(claim: Claim) -> tuple[Any, Any]:
    key = str(claim.entry.request.idempotency_key)
    return _c.idempotency_key == key, _c.token == claim.token


def renew(claim: Claim, *, now: datetime, lease: float) -> Update:
    """Hold the entry for `lease` seconds from `now`."""
    return _held(claim).values(due_at=to_micros(now + timedelta(seconds=lease)))


def note_marked(claim: Claim) -> Update:
    """Mark the entry; if the claim is not the last one, void the last one as well."""
    return (
        update(entries)
        .where(_c.idempotency_key == str(claim.entry.request.idempotency_key))
        .values(
            marked=True,
            token=case((_c.token == claim.token, _c.token), else_=_c.token + 1),
        )
        .returning(_c.token)
    )


def complete(claim: Claim) -> Delete:
    """Delete the entry."""
    return delete(entries).where(*_fence(claim))


def retry_later(claim: Claim, *, due_at: datetime, error: str, answered: bool) -> Update:
    """Postpone the entry until `due_at`; count the try, and an attempt if the service answered."""
    return _held(claim).values(
        due_at=to_micros(due_at),
        holder=null(),
        last_error=clean_text(error),
        tries=_c.tries + 1,
        attempts=_c.attempts + int(answered),
        claims=0,
    )


def give_back(claim: Claim, *, now: datetime) -> Update:
    """Undo the claim: due now, unclaimed, the claim not counted."""
    return _held(claim).values(due_at=to_micros(now), holder=null(), claims=_c.claims - 1)


def dead_letter(claim: Claim, *, now: datetime, reason: DeadLetterReason, error: str) -> Update:
    """Move the entry to the dead letters."""
    micros = to_micros(now)
    return _held(claim).values(
        due_at=micros,
        holder=null(),
        last_error=clean_text(error),
        dead_at=micros,
        dead_reason=reason.value,
    )


def stats() -> Select[Any]:
    """Count the waiting entries and the dead letters, and find the oldest; each by an index."""
    waiting = select(func.count()).select_from(entries).where(_waiting)
    oldest = select(func.min(_c.queued_at)).where(_waiting)
    dead = select(func.count()).select_from(entries).where(_c.dead_at.is_not(None))
    return select(
        waiting.scalar_subquery().label("waiting"),
        oldest.scalar_subquery().label("oldest"),
        dead.scalar_subquery().label("dead"),
    )


def listed(*, dead: bool | None, limit: int) -> Select[Any]:
    """The entries in the order in which they were queued."""
    which = select(*_c).order_by(_c.queued_at).limit(limit)
    if dead is None:
        return which
    return which.where(_c.dead_at.is_not(None) if dead else _waiting)


def found(key: UUID) -> Select[Any]:
    """The entry under `key`."""
    return select(*_c).where(_c.idempotency_key == str(key))


def retry(key: UUID, *, now: datetime) -> Update:
    """Reset the entry: due now, not dead, unclaimed."""
    return (
        update(entries)
        .where(_c.idempotency_key == str(key))
        .values(
            due_at=to_micros(now),
            holder=null(),
            token=_c.token + 1,
            tries=case((_c.tries + _c.attempts + _c.claims > 0, 1), else_=0),
            attempts=0,
            claims=0,
            dead_at=null(),
            dead_reason=null(),
        )
    )


def drop(key: UUID) -> Delete:
    """Delete the entry, dead or not."""
    return delete(entries).where(_c.idempotency_key == str(key))
