"""A Redis of a test's own: it may be stopped, frozen, filled, and started again empty."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import attrs

from tests.support.services import absent, free_port

_PATIENCE = 30.0


@attrs.define
class PrivateRedis:
    """A redis-server on a loopback port, that keeps nothing on disk."""

    port: int
    folder: Path
    options: Sequence[str] = ()
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, with an empty memory, and wait until it accepts connections."""
        fixed = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        place = ["--port", str(self.port), "--dir", str(self.folder)]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["redis-server", *place, *fixed, *self.options], stdout=log, stderr=log
            )
        port = self.tls_port or self.port
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except OSError:
                assert time.monotonic() < deadline, (self.folder / "log").read_text()
                assert self._process.poll() is None, (self.folder / "log").read_text()
                time.sleep(0.02)
            else:
                return

    @property
    def tls_port(self) -> int | None:
        """The port for TLS, if the options name one."""
        if "--tls-port" not in self.options:
            return None
        return int(self.options[list(self.options).index("--tls-port") + 1])

    def freeze(self) -> None:
        """Stop it from running: connections are still accepted, by the kernel, and hang."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen one run again."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once; what it knew is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(_PATIENCE)
            self._process = None

    def _signal(self, number: int) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)


@contextmanager
def private_redis(folder: Path, *options: str) -> Iterator[PrivateRedis]:
    """A running `PrivateRedis`; where there is none to run, what holds for absent servers."""
    if shutil.which("redis-server") is None:
        absent("there is no redis-server to start")
    server = PrivateRedis(free_port(), folder, options)
    server.start()
    try:
        yield server
    finally:
        server.kill()
