"""`SharedCacheOptions`: the address of the shared cache, and its limits."""

import re
from typing import Any

import attrs
from typed_settings import Secret
from yarl import URL

from shelfport.adapters.runtime.secret_text import optional_secret
from shelfport.domain.model.validators import number

_PREFIX = re.compile(r"[A-Za-z0-9._-]{1,64}")
_EXAMPLE = "such as 'rediss://user:password@cache.internal:6379/0'"


def _url(_instance: object, field: "attrs.Attribute[Any]", value: Any) -> None:
    """Refuse a value that is not the URL of a Redis. Messages do not quote it: it may be secret."""
    if value is None:
        return
    if not isinstance(value, Secret):
        raise ValueError(f"{field.name} is a {type(value).__name__}: it must be a URL, {_EXAMPLE}")
    usable, added, database = _checked(value)
    if not usable:
        raise ValueError(
            f"{field.name} is not the URL of a Redis: it must begin with rediss:// or redis:// and "
            f"a host, {_EXAMPLE}"
        )
    if added:
        raise ValueError(
            f"{field.name} has a query or a fragment, which could override the settings: "
            f"remove it, {_EXAMPLE}"
        )
    if database and not database.isdecimal():
        raise ValueError(
            f"{field.name} has a path that is not the number of a database, {_EXAMPLE}"
        )


def _checked(address: Secret[str]) -> tuple[bool, bool, str]:
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

    `CacheOptions` sets the windows of memory and Redis together.
    """

    url: Secret[str] | None = attrs.field(default=None, converter=optional_secret, validator=_url)
    """Where Redis is: rediss:// (TLS) or redis://, with username and password where it asks for
    them. It is never printed. None: each process has only its own memory."""
    ca_file: str | None = attrs.field(
        default=None, validator=attrs.validators.optional(attrs.validators.instance_of(str))
    )
    """A file of CA certificates (PEM) for rediss://; it replaces the system's certificates."""
    prefix: str = attrs.field(default="shelfport", validator=_prefix)
    """The prefix of every key and channel; replicas that share a cache must have the same one.

    Why: two fleets on one Redis do not share keys by accident."""
    timeout: float = attrs.field(default=0.05, validator=number(0.001, 10, unit="seconds"))
    """How long a caller waits for Redis, connecting included, before it goes on without it.

    Why: a healthy Redis answers in a fiftieth of it, and no visitor notices a page this much
    later."""
    lease: float = attrs.field(default=0.5, validator=number(0.01, 60, unit="seconds"))
    """How long one replica has to ask the service before another one may; the others wait for its
    answer for twice that at most.

    Why: longer than a healthy service takes, and a page that waits for a crashed replica has most
    of its deadline left."""
    reconnect_interval: float = attrs.field(default=1.0, validator=number(0.01, 60, unit="seconds"))
    """How often an unavailable Redis is tried again; no caller waits for that.

    Why: a restarted Redis is in use a second later; one probe a second is no load."""
    write_queue_size: int = attrs.field(default=256, validator=number(1, 100_000, unit="pages"))
    """Pages that wait to be written in the background; further ones are dropped.

    Why: some 2 MB of pages; a longer queue would write readings that are old already."""
    max_connections: int = attrs.field(default=16, validator=number(2, 1000, unit="connections"))
    """Connections to Redis, at most, beside the one of the backplane.

    Why: a page uses one for half a millisecond."""
