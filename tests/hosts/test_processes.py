"""Process models of hosts: a prefork pool, gunicorn with --preload, and gevent's greenlets."""

import asyncio
import inspect
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import attrs
import pytest

from shelfport.contracts.sandbox import Sandbox, seed_records
from tests.hosts.load import pages
from tests.hosts.shops import FLASK, FOLDER, PATIENCE, running
from tests.hosts.test_hosts import LONG, VARIANTS

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
needs_gevent = pytest.mark.skipif(find_spec("gevent") is None, reason="gevent: nox -s hosts")
APP = ("flask_shop:app",)
TEST_CLIENT = """
import sys
from concurrent.futures import ThreadPoolExecutor
from fastapi.testclient import TestClient
from fastapi_shop import app
for _ in range(2):
    with TestClient(app) as client, ThreadPoolExecutor(8) as pool:
        pages = list(pool.map(lambda variant: client.get(f"/products/{variant}"), sys.argv[1:]))
        known = all("unavailable" not in page.json()["stock"] for page in pages)
        new = client.post("/products", json={"name": "Ridgeline Trail Shoe"})
        print(*{page.status_code for page in pages}, known, new.status_code)
"""
"""A host's tests: pages side by side, and a product, each time that the app is opened."""
GUNICORN = ("gunicorn", "--workers=2", "--bind=127.0.0.1:PORT")


def run_python(code: str) -> str:
    """The output of a new interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", inspect.cleandoc(code)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ("", 0) == (done.stderr, done.returncode)
    return done.stdout.strip()


@needs_fork
def test_a_prefork_pool() -> None:
    """Each process of a pool opens what its parent has open, as Celery's prefork workers do."""
    printed = run_python("""
        import multiprocessing
        from shelfport import *
        from shelfport.sync import SyncInventoryIntegration
        inventory = SyncInventoryIntegration(build(Settings(adapter="memory")))
        def ask(_): return str(inventory.get_stock_level("c9bf9e57-1685-4c89-bafb-ff5af830be8a"))
        with inventory, multiprocessing.get_context("fork").Pool(2, inventory.open) as pool:
            print({*pool.map(ask, range(20)), ask(0)})
    """)

    assert "{'Stock information unavailable'}" == printed


async def test_a_test_client_twice(tmp_path: Path) -> None:
    """One module, imported once: its app opens and closes its integration in loop after loop."""
    async with Sandbox(seed=seed_records()) as sandbox:
        env = {
            **{k: v for k, v in os.environ.items() if not k.startswith("SHELFPORT_")},
            "PYTHONPATH": str(FOLDER),
            # Starlette would rather have httpx2, which litestar does not bring.
            "PYTHONWARNINGS": "default,ignore:Using `httpx`",
            "SHELFPORT_BASE_URL": sandbox.url,
            "SHELFPORT_CACHE_TTL": "0",
            "SHOP_DATABASE": str(tmp_path / "shop.db"),
        }
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", TEST_CLIENT, *map(str, VARIANTS)),
            env=env,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(PATIENCE):
            printed, _ = await process.communicate()

    assert ["200 True 201"] * 2 == printed.decode().splitlines()


@needs_gevent
def test_greenlets() -> None:
    """Beside the open façade the host's ORM and `asyncio.run` work, and greenlets wait together."""
    printed = run_python("""
        from gevent import monkey; monkey.patch_all()
        import asyncio, time, gevent, django
        from django.conf import settings
        settings.configure(DATABASES={"default": {
            "ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}})
        django.setup()
        from django.db import connection
        from shelfport import *
        from shelfport.sync import SyncInventoryIntegration
        class Slow(InMemoryInventory):
            async def read(self, ids, call):
                await asyncio.sleep(0.1)
                return await super().read(ids, call)
        def query():
            with connection.cursor() as cursor:
                return cursor.execute("SELECT 1").fetchone()[0]
        async def beside():
            await asyncio.sleep(0.01)
            return 1
        inventory = SyncInventoryIntegration(
            build(Settings(adapter="memory"), adapter=Slow(clock=SystemClock())))
        def ask(number): return inventory.get_stock_level(f"c9bf9e57-1685-4c89-bafb-{number:012}")
        for _ in range(2):
            with inventory:
                began = time.monotonic()
                asked = [gevent.spawn(ask, number) for number in range(10)]
                print(query(), asyncio.run(beside()), end=" ")
                gevent.joinall(asked, raise_error=True)
                print(time.monotonic() - began < 1)
    """)

    assert ["1 1 True", "1 1 True"] == printed.splitlines()


@pytest.mark.skipif(not LONG, reason="three processes: nox -s hosts")
async def test_preloaded_workers(tmp_path: Path) -> None:
    """With --preload the master has the façade open, and the hook opens it in each worker."""
    hook = tmp_path / "hooks.py"
    hook.write_text(
        "def post_fork(server, worker):\n"
        "    from flask_shop import inventory\n\n"
        "    inventory.open()\n"
    )

    await serve((*GUNICORN, "--threads=4", "--preload", "--config", str(hook), *APP), tmp_path)


@needs_gevent
@pytest.mark.skipif(not LONG, reason="three processes: nox -s hosts")
async def test_gevent_workers(tmp_path: Path) -> None:
    """Workers of gunicorn under gevent serve pages, and end without trouble."""
    await serve((*GUNICORN, "-k", "gevent", *APP), tmp_path)


async def serve(command: tuple[str, ...], folder: Path) -> None:
    """Serve 100 pages with `command`: none fails, and the host ends without trouble."""
    host = attrs.evolve(FLASK, command=command)
    async with (
        Sandbox(seed=seed_records()) as sandbox,
        running(host, folder, sandbox.url) as shop,
    ):
        load = await pages(shop.url, VARIANTS, 100, 8, keep=False)
        await shop.terminate()

    assert {200} == set(load.statuses)
    assert [] == [words for words in load.stock if "unavailable" in words]
    assert [] == shop.trouble()
