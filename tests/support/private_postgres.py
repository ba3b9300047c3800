"""A PostgreSQL server of a test's own, which may be stopped, killed and started again."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import attrs

from tests.support.services import absent, free_port

_PATIENCE = 30.0


@attrs.define
class PrivatePostgres:
    """A server on a loopback port, with its data in a folder that only it uses."""

    binaries: Path
    data: Path
    port: int
    account: str | None
    """The user that it runs as; PostgreSQL refuses to run as root."""
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start it, and return when it answers."""
        self.process = self._run(
            "postgres", "-D", str(self.data), "-p", str(self.port),
            "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
        )  # fmt: skip
        ready = ("pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port))
        until = time.monotonic() + _PATIENCE
        while subprocess.run([self.binaries / ready[0], *ready[1:]], check=False).returncode != 0:
            assert self.process.poll() is None, "the server ended at once"
            assert time.monotonic() < until, "the server does not answer"
            time.sleep(0.02)

    def kill(self) -> None:
        """End it as a crash would: connections break in the middle of their work."""
        process, self.process = self.process, None
        if process is not None:
            # With all its children, which would keep the next start waiting for their memory.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            with suppress(FileNotFoundError):
                (self.data / "postmaster.pid").unlink()

    def _run(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [self.binaries / program, *arguments],
            user=self.account,
            cwd=self.data.parent,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


@contextmanager
def private_postgres() -> Iterator[PrivatePostgres]:
    """A new, running server; without PostgreSQL's binaries, the test is skipped with a reason."""
    binaries = _binaries()
    account = "postgres" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="shelfport-postgres-"))
    try:
        if account is not None:
            os.chown(folder, pwd.getpwnam(account).pw_uid, -1)
        server = PrivatePostgres(binaries, folder / "data", free_port(), account)
        made = server._run(
            "initdb", "-D", str(server.data), "-U", "postgres", "-A", "trust", "--no-sync"
        )
        assert 0 == made.wait(), "initdb failed"
        server.start()
        try:
            yield server
        finally:
            server.kill()
    finally:
        shutil.rmtree(folder)


def _binaries() -> Path:
    """Where `initdb` and `postgres` are; Debian does not put them in PATH."""
    found = shutil.which("initdb")
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in [*([Path(found).parent] if found else []), *folders]:
        if (folder / "initdb").exists() and (folder / "pg_isready").exists():
            return folder
    absent("there are no PostgreSQL binaries to start a private server with")
    raise AssertionError
