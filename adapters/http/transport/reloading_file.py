"""`ReloadingFile`: a value that is read from files, and read again when they change.

Certificates and secrets are rotated while the process runs. The files are checked periodically, in
a thread, so that no request waits for a disk.
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

    Cause: a certificate, key or secret is missing, unreadable or empty, or a key does not belong to
    its certificate.

    What to do: correct the file or the setting. Only opening raises this error: if a file becomes
    unusable later, the previous value stays in use, and the log has a record `inventory.files`.
    """


class ReloadingFile(Generic[T]):
    """A value that `read` makes of the files at `paths`, and makes again when one of them changes.

    During a rotation a file may be half written, or a key may not match its certificate yet: then
    the previous value stays, one WARNING is logged, and the next check tries again.

    Args:
        what: the value's name for log records, such as "the TLS files".
        paths: the files, symbolic links followed; without files, the value never changes.
        read: reads the files and returns the value.
    """

    def __init__(self, what: str, paths: Sequence[str], read: Callable[[], T]) -> None:
        self._what = what
        self._paths = tuple(paths)
        self._read = read
        self._lock = threading.Lock()
        self._loaded: _Fingerprint = ()
        self._value: T | None = None
        self._warning: str | None = None

    @property
    def paths(self) -> tuple[str, ...]:
        """The files that the value is read from."""
        return self._paths

    @property
    def value(self) -> T:
        """The value as it was last read.

        Raises:
            RuntimeError: it was never loaded.
        """
        if self._value is None:
            raise RuntimeError(f"{self._what} were never loaded")
        return self._value

    def load(self) -> T:
        """Read the value. Blocks: call it in a thread.

        Raises:
            BadFile: `read` cannot use the files.
        """
        with self._lock:
            # Before reading, so that the next check notices a file that changes meanwhile.
            found = self._fingerprint()
            self._value = self._read()
            self._loaded = found
            self._warning = None
            return self._value

    def reload_if_changed(self) -> bool:
        """Read the value again if a file has changed. Blocks: call it in a thread.

        Returns:
            Whether there is a new value.
        """
        with self._lock:
            found = self._fingerprint()
            if found == self._loaded:
                return False
            try:
                self._value = self._read()
            except BadFile as error:
                if self._warning != str(error):
                    self._warning = str(error)
                    logger.warning(
                        "%s have changed, but cannot be used; the previous ones stay in use: %s",
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
            self._loaded = found
            self._warning = None
        logger.info(
            "%s have changed, and were read again",
            self._what,
            extra={"event": "inventory.files", "outcome": "replaced", "what": self._what},
        )
        return True

    def _fingerprint(self) -> _Fingerprint:
        return tuple(_identity_of(path) for path in self._paths)


def _identity_of(path: str) -> tuple[int, ...] | None:
    """The metadata that differs when a file changes; None if there is no file."""
    try:
        status = os.stat(path)  # noqa: PTH116 - a Path would only wrap it
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def because(error: OSError) -> str:
    """Why a file could not be read, without its name."""
    return error.strerror or str(error)
