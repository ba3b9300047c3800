"""`SharedCacheOptions`: where the shared cache is, and how much of a caller's time it may have."""

import re
from typing import Any

import attrs
from typed_settings import Secret
from yarl import URL

from shelfport.domain.model.validators import number

_PREFIX = re.compile(r"[A-Za-z0-9._-]{1,64}")
_EXAMPLE = "such as 'rediss://user:password@cache.internal:6379/0'"


def _secret(value: Secret[str] | str | None) -> Secret[str] | None:
    return Secret(value) if isinstance(value, str) else value


def _url(_instance: object, field: "attrs.Attribute[Any]", value: Any) -> None:
    """Refuse what is no address of a Redis. No sentence quotes it: it may carry a password."""
    if value is None:
        return
    if not isinstance(value, Secret):
        raise ValueError(f"{field.name} is a {type(value).__name__}: it must be a URL, {_EXAMPLE}")
    usable, added, database = _looked_at(value)
    if not usable:
        raise ValueError(
            f"{field.name} is no URL of a Redis: it must begin with rediss:// or redis:// and a "
            f"host, {_EXAMPLE}"
        )
    if added:
        raise ValueError(
            f"{field.name} has a query or a fragment, which could undo what the settings say: "
            f"it must not, {_EXAMPLE}"
        )
    if database and not database.isdecimal():
        raise ValueError(f"{field.name} has a path that is no database's number, {_EXAMPLE}")


def _looked_at(address: Secret[str]) -> tuple[bool, bool, str]:
    """Whether it leads to a Redis, has a query or a fragment, and which database it names."""
    try:
        url = URL(address.get_secret_value())
    except ValueError:
        return False, False, ""
    usable = url.scheme in {"redis", "rediss"} and bool(url.host)
    return usable, bool(url.query_string or url.fragment), url.path.removeprefix("/")


def _prefix(_instance: object, field: "attrs.Attribute[Any]", value: Any) -> None:
    if not isinstance(value, str) or not _PREFIX.fullmatch(value):
        raise ValueError(
            f"{field.name} is {value!r}: it must be 1 to 64 letters, digits, dots, dashes or "
            "underscores"
        )


@attrs.frozen(kw_only=True)
class SharedCacheOptions:
    """A cache in Redis that all replicas share. Durations are seconds.

    How old a reading may be is said once, for memory and Redis together: `CacheOptions`.
    """

    url: Secret[str] | None = attrs.field(default=None, converter=_secret, validator=_url)
    """Where Redis is: rediss:// (TLS) or redis://, with username and password where it asks for
    them. Never printed. None: each process has its memory alone."""
    ca_file: str | None = attrs.field(
        default=None, validator=attrs.validators.optional(attrs.validators.instance_of(str))
    )
    """A file of CA certificates (PEM) to trust for rediss:// in place of the system's."""
    prefix: str = attrs.field(default="shelfport", validator=_prefix)
    """What every key and channel begins with; replicas that share must have the same one.

    Why: two fleets on one Redis do not meet."""
    timeout: float = attrs.field(default=0.05, validator=number(0.001, 10, unit="seconds"))
    """How long a caller waits for Redis, connecting included, before it goes on without it.

    Why: a healthy Redis answers in a fiftieth of it, and nobody sees a page come later by this."""
    lease: float = attrs.field(default=0.5, validator=number(0.01, 60, unit="seconds"))
    """How long one replica has to ask the service before another one may; others wait for what it
    brings for twice that at most.

    Why: longer than a healthy service takes, and a page that waits for a replica that died has
    most of its deadline left."""
    reconnect_interval: float = attrs.field(default=1.0, validator=number(0.01, 60, unit="seconds"))
    """How often a Redis that is out is tried again; no caller waits for that.

    Why: a Redis that was started again is in use a second later; one probe a second is no load."""
    write_queue_size: int = attrs.field(default=256, validator=number(1, 100_000, unit="pages"))
    """Pages that wait to be written behind callers' backs; beyond that they are dropped.

    Why: some 2 MB of pages; a longer queue would write what is old already."""
    max_connections: int = attrs.field(default=16, validator=number(2, 1000, unit="connections"))
    """Connections to Redis, at most, beside the one that hears of changes.

    Why: a page takes one for half a millisecond."""
