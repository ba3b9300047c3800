"""Celery's workers: the recipe of docs/hosts.md, started as a user starts it and ended by SIGTERM.

The broker is a folder: Celery's processes share it as they share a server, and it is always there.
"""

import asyncio
import os
import re
import signal
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from shelfport.contracts.sandbox import Sandbox
from tests.hosts.shops import PATIENCE, trouble_in
from tests.hosts.test_hosts import LONG
from tests.support.pages import ROOT, blocks_of
from tests.support.values import an_id

[RECIPE] = [
    block.text for block in blocks_of(ROOT / "docs" / "hosts.md") if "import Celery" in block.text
]
"""The module of a worker under prefork, as the page shows it."""
TOLD = """
import sys


def tell(event):
    try:
        inventory.force_circuit(None)
    except RuntimeError:
        event += ": closed"
    else:
        event += ": open"
    print(event, file=sys.__stdout__, flush=True)  # Celery logs what is printed to sys.stdout


@worker_process_init.connect
def tell_begun(**_):
    tell("begun")


@worker_process_shutdown.connect
def tell_ended(**_):
    tell("ended")


celery.conf.update(
    broker_url="filesystem://",
    broker_transport_options={
        "data_folder_in": "messages",
        "data_folder_out": "messages",
        "control_folder": "control",
        "polling_interval": 0.05,
    },
    result_backend="file://results",
)
"""
"""What the test adds: a broker, and lines that say whether the recipe has opened and closed."""
PREFORK = RECIPE + TOLD
SEND = """
import sys
from shop_tasks import add_product
for sent in [add_product.delay(variant) for variant in sys.argv[1:]]:
    print(sent.get(timeout=20, interval=0.05))
"""
QUIET = ("--without-gossip", "--without-mingle", "--without-heartbeat")
"""What a worker alone does not need."""
PRODUCTS = 8
needs_gevent = pytest.mark.skipif(find_spec("gevent") is None, reason="gevent: nox -s hosts")
pytestmark = [
    pytest.mark.skipif(find_spec("celery") is None, reason="celery: nox -s hosts"),
    pytest.mark.skipif(not LONG, reason="several processes: nox -s hosts"),
]


async def test_prefork(tmp_path: Path) -> None:
    """Each process of the pool opens an integration of its own, and closes it at its end."""
    assert ["begun: open"] * 2 + ["ended: closed"] * 2 == await work("prefork", PREFORK, tmp_path)


@pytest.mark.parametrize("pool", ["threads", pytest.param("gevent", marks=needs_gevent)])
async def test_one_process(pool: str, tmp_path: Path) -> None:
    """Threads and greenlets share one integration, by the signals that the page names for them."""
    module = PREFORK.replace("_process_init", "_init").replace("_process_shutdown", "_shutdown")

    assert ["begun: open", "ended: closed"] == await work(pool, module, tmp_path)


async def work(pool: str, module: str, folder: Path) -> list[str]:
    """Run a worker with `pool`, give it products to add, end it by SIGTERM: what it said.

    Each product gets its record and each task its reading, and nothing in the output is trouble.
    """
    (folder / "shop_tasks.py").write_text(module)
    for name in ("messages", "control", "results"):
        (folder / name).mkdir()
    variants = [str(an_id()) for _ in range(PRODUCTS)]
    async with Sandbox(ledger=True) as sandbox:
        env = {
            **{k: v for k, v in os.environ.items() if not k.startswith("SHELFPORT_")},
            "PYTHONUNBUFFERED": "1",
            # Celery warns of running as root, as a container's tests do.
            "PYTHONWARNINGS": "default::ResourceWarning,ignore:You're running the worker",
            "SHELFPORT_BASE_URL": sandbox.url,
        }
        worker = ("-m", "celery", "-A", "shop_tasks", "worker", "-P", pool, "-c", "2", *QUIET)
        with (folder / "log").open("wb") as log:
            process = await started(worker, folder, env, log.fileno())
            try:
                sender = await started(
                    ("-c", SEND, *variants), folder, env, asyncio.subprocess.PIPE
                )
                async with asyncio.timeout(PATIENCE):
                    shown, _ = await sender.communicate()
                process.terminate()
                async with asyncio.timeout(PATIENCE):
                    assert 0 == await process.wait()
            finally:
                if process.returncode is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    await process.wait()
        opened = [e for e in sandbox.journal if (e.method, e.status) == ("POST", 201)]

    output = (folder / "log").read_text("utf-8")
    assert ["Out of stock"] * PRODUCTS == shown.decode().splitlines(), output
    assert PRODUCTS == len(opened), output
    assert [] == trouble_in(output)
    return sorted(re.findall(r"^(?:begun|ended): \w+$", output, re.MULTILINE))


async def started(
    arguments: tuple[str, ...], folder: Path, env: dict[str, str], output: int
) -> asyncio.subprocess.Process:
    """A Python in a session of its own, which a test can end with all its children."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        cwd=folder,
        env=env,
        stdout=output,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
