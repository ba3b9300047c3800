"""The example hosts as a user runs them: processes with HTTP requests, ended by SIGTERM."""

import asyncio
import os
import random
import re
import signal
import socket
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path

import aiohttp
import attrs

from shelfport import ProductVariantId
from shelfport.adapters.queue.sql.database import database
from shelfport.adapters.queue.sql.queue import SqlQueue
from shelfport.adapters.queue.sql.row import TABLE

FOLDER = Path(__file__).parents[2] / "examples" / "hosts"
PATIENCE = 60.0
_TROUBLE = re.compile(
    r"Warning:|[Uu]nclosed|Traceback|Exception ignored|never awaited|never retrieved|was destroyed"
)
"""What Python and asyncio print; records at level WARNING about a service that fails are none."""


def trouble_in(output: str) -> list[str]:
    """The suspicious lines of what a process printed."""
    return [line for line in output.splitlines() if _TROUBLE.search(line)]


@attrs.frozen
class Host:
    """One way of running one example."""

    name: str
    command: tuple[str, ...]
    """What a user types; PORT stands for the port."""
    before: tuple[str, ...] = ()
    """What is typed once before."""
    ends: int = 0
    """Its exit code after SIGTERM."""

    def __str__(self) -> str:
        return self.name


_OF_SIGNAL = -signal.SIGTERM  # uvicorn shuts down, and then lets the signal have its way
FASTAPI = Host(
    "fastapi",
    ("uvicorn", "fastapi_shop:app", "--port", "PORT", "--no-access-log"),
    ends=_OF_SIGNAL,
)

AIOHTTP = Host("aiohttp", ("python", "aiohttp_shop.py"))
LITESTAR = Host("litestar", ("hypercorn", "litestar_shop:app", "--bind", "127.0.0.1:PORT"))
DJANGO_WSGI = Host(
    "django-wsgi",
    ("gunicorn", "--workers=2", "--threads=4", "--bind=127.0.0.1:PORT", "django_shop.wsgi"),
    before=("python", "manage.py", "migrate", "--run-syncdb"),
)
DJANGO_ASGI = Host(
    "django-asgi",
    ("uvicorn", "django_shop.asgi:application", "--port", "PORT", "--no-access-log"),
    before=("python", "manage.py", "migrate", "--run-syncdb"),
    ends=_OF_SIGNAL,
)
FLASK = Host(
    "flask", ("gunicorn", "--workers=2", "--threads=4", "--bind=127.0.0.1:PORT", "flask_shop:app")
)
SCRIPT = Host("script", ("python", "script.py"))

HOSTS = (FASTAPI, LITESTAR, AIOHTTP, DJANGO_WSGI, DJANGO_ASGI, FLASK, SCRIPT)


@attrs.define
class Shop:
    """A running example."""

    host: Host
    url: str
    database: Path
    process: asyncio.subprocess.Process
    output: Path

    async def terminate(self) -> float:
        """Send SIGTERM and wait for the end; the seconds that it took."""
        began = time.monotonic()
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE):
            await self.process.wait()
        return time.monotonic() - began

    def trouble(self) -> list[str]:
        """The suspicious lines of its output."""
        return trouble_in(self.output.read_text("utf-8"))

    def held(self) -> list[str]:
        """The workers that hold entries of its queue; a clean end gives them back."""
        with closing(sqlite3.connect(self.database)) as connection:
            rows = connection.execute(f"SELECT holder FROM {TABLE} WHERE holder IS NOT NULL")
            return [holder for (holder,) in rows]

    async def queued(self) -> set[ProductVariantId]:
        """The variants in its queue, dead letters included."""
        async with SqlQueue(database(f"sqlite:///{self.database}"), create_schema=False) as queue:
            return {entry.request.variant_id for entry in await queue.entries(limit=10_000)}


@asynccontextmanager
async def running(
    host: Host, folder: Path, inventory_url: str, **settings: str
) -> AsyncIterator[Shop]:
    """The example, started in `folder` before an Inventory Service; it answers when this begins.

    Every page asks the service, so that what is shown while it is down has a caveat.
    """
    port = _free_port()
    output = folder / f"{host.name}.log"
    env = {
        **{k: v for k, v in os.environ.items() if not k.startswith("SHELFPORT_")},
        "PYTHONPATH": str(FOLDER),
        "PYTHONWARNINGS": "default",
        "PYTHONUNBUFFERED": "1",
        "SHOP_DATABASE": str(folder / "shop.db"),
        "SHELFPORT_BASE_URL": inventory_url,
        "SHELFPORT_CACHE_TTL": "0",
        "SHELFPORT_CACHE_STALE_WHILE_REVALIDATE": "0",
        "SHELFPORT_CACHE_MAX_BACKGROUND_REFRESHES": "64",
        "SHELFPORT_QUEUE_SHUTDOWN_TIMEOUT": "20",  # gunicorn grants 30; a busy machine needs them
        "PORT": str(port),
        **settings,
    }
    if host.before:
        first = await _started(host.before, env, output)
        assert 0 == await first.wait(), output.read_text("utf-8")
    process = await _started(
        [part.replace("PORT", str(port)) for part in host.command], env, output
    )
    shop = Shop(host, f"http://127.0.0.1:{port}", folder / "shop.db", process, output)
    try:
        await _answers(shop)
        yield shop
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


def _free_port() -> int:
    """A port that no server which takes any port is given before the example has it."""
    for port in random.sample(range(20_000, 32_000), 100):  # below what Linux gives away
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("a hundred ports are taken")


async def _started(
    command: Sequence[str], env: Mapping[str, str], output: Path
) -> asyncio.subprocess.Process:
    program = Path(sys.executable).parent / command[0]
    with output.open("ab") as log:
        return await asyncio.create_subprocess_exec(
            program,
            *command[1:],
            cwd=FOLDER,
            env=env,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


async def _answers(shop: Shop) -> None:
    until = time.monotonic() + PATIENCE
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < until:
            assert shop.process.returncode is None, shop.output.read_text("utf-8")
            try:
                async with session.get(f"{shop.url}/readyz") as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.05)
    raise AssertionError(f"{shop.host} did not answer: {shop.output.read_text('utf-8')}")
