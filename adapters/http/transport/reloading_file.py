"""`ReloadingFile`: a value that is made of files, and made anew when they change.

Certificates and secrets are rotated by whoever issues them, under a process that runs on. The files
are looked at once in a while, in a thread: no request ever waits for a disk.
"""

import logging
import os
import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")

logger = logging.getLogger("shelfport.files")

_Fingerprint = tuple[tuple[int, ...] | None, ...]


class BadFile(ValueError):
    """A file that a setting names cannot be used: which setting, which file, and why.

    Cause: a certificate, key or secret that is missing, unreadable, empty, or does not belong to
    the other.

    What to do: mend the file or the setting. Only opening raises it: a file that goes bad later
    leaves the value of before in use, and is told as `inventory.files`.
    """


class ReloadingFile(Generic[T]):
    """What `make` makes of `files`, and made again once one of them is another.

    While rotation is under way a file may be half written, or a key not yet its certificate's:
    then the value of before stays, one WARNING says so, and the next look tries again.

    Args:
        what: the value's name for the records, such as "the certificates".
        files: the files that it is made of, symbolic links followed; none at all never change.
        make: makes it, reading the files.
    """

    def __init__(self, what: str, files: Sequence[str], make: Callable[[], T]) -> None:
        self._what = what
        self._files = tuple(files)
        self._make = make
        self._lock = threading.Lock()
        self._made_of: _Fingerprint = ()
        self._value: T | None = None
        self._complaint: str | None = None

    @property
    def files(self) -> tuple[str, ...]:
        """What it is made of."""
        return self._files

    @property
    def value(self) -> T:
        """The value as it was last made.

        Raises:
            RuntimeError: it was never loaded.
        """
        if self._value is None:
            raise RuntimeError(f"{self._what} were never loaded")
        return self._value

    def load(self) -> T:
        """Make the value, whatever was before. Blocks: for a thread.

        Raises:
            BadFile: what `make` says of the files.
        """
        with self._lock:
            # First of all: what changes while it is read is another one at the next look.
            made_of = self._fingerprint()
            self._value = self._make()
            self._made_of = made_of
            self._complaint = None
            return self._value

    def look(self) -> bool:
        """Make the value again if a file is another. Blocks: for a thread.

        Returns:
            Whether there is a new value.
        """
        with self._lock:
            made_of = self._fingerprint()
            if made_of == self._made_of:
                return False
            try:
                self._value = self._make()
            except BadFile as error:
                if self._complaint != str(error):
                    self._complaint = str(error)
                    logger.warning(
                        "%s have changed, but cannot be used, so those of before stay: %s",
                        self._what,
                        error,
                        extra={
                            "event": "inventory.files",
                            "outcome": "kept",
                            "what": self._what,
                            "detail": str(error),
                        },
                    )
                return False
            self._made_of = made_of
            self._complaint = None
        logger.info(
            "%s have changed, and were read again",
            self._what,
            extra={"event": "inventory.files", "outcome": "replaced", "what": self._what},
        )
        return True

    def _fingerprint(self) -> _Fingerprint:
        return tuple(_told_apart(file) for file in self._files)


def _told_apart(file: str) -> tuple[int, ...] | None:
    """What another edition of a file differs in; a change of any kind moves its ctime."""
    try:
        status = os.stat(file)  # noqa: PTH116 - once for each look, and a Path says no more
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def because(error: OSError) -> str:
    """Why a file could not be read, without its name, which the sentence has already."""
    return error.strerror or str(error)
