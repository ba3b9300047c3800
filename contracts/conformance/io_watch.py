"""`watched_io`: which files and connections a block of code opens."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.machinery import all_suffixes

_IO = frozenset({"open", "socket.connect", "socket.getaddrinfo", "sqlite3.connect"})
_IMPORTED = (*all_suffixes(), ".pyc")
_watched: list[list[str]] = []


@contextmanager
def watched_io() -> Iterator[list[str]]:
    """A list of what is opened inside the block; files of imported modules do not count."""
    _install_hook()
    seen: list[str] = []
    _watched.append(seen)
    try:
        yield seen
    finally:
        # By identity: a list outside this one may have the same content.
        _watched[:] = [each for each in _watched if each is not seen]


@cache
def _install_hook() -> None:
    """Install the audit hook once: Python cannot remove it."""
    sys.addaudithook(_note)


def _note(event: str, args: tuple[object, ...]) -> None:
    if _watched and event in _IO and not str(args[0]).endswith(_IMPORTED):
        for seen in _watched:
            seen.append(f"{event} {args[0]}")
