"""`shelfport top`: what the ops page of a running host says, in a terminal and into a pipe."""

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from shelfport import InMemoryInventory, Settings, SystemClock, build
from shelfport.adapters.demo.environment import DemoEnvironment, Windows, demo_environment
from shelfport.contracts.sandbox import Faults
from shelfport.ops import Recorder, ops_app
from tests.adapters.cli.conftest import MAIN, SOURCES, Shelfport
from tests.support.waiting import until

TOKEN = "a token that is long enough"


@pytest.fixture
async def stage() -> AsyncIterator[DemoEnvironment]:
    async with demo_environment(
        Windows(ttl=0, stale_while_revalidate=0, stale_if_error=60, open_duration=60)
    ) as running:
        yield running


async def visit(stage: DemoEnvironment, times: int = 1) -> None:
    """Look at the shop."""
    async with aiohttp.ClientSession() as session:
        for _ in range(times):
            async with session.get(stage.url) as answer:
                assert 200 == answer.status


async def test_it_tells_how_things_stand(stage: DemoEnvironment, call_shelfport: Shelfport) -> None:
    """Into a pipe it looks once: circuit, budget, what was served, attempts, queue, events."""
    await visit(stage)
    done = await call_shelfport("top", f"{stage.url}/ops/")

    assert (0, "") == (done.code, done.err)
    assert "shelfport  " in done.out
    for words in ("circuit          closed", "of 10 tokens", "missed 24", "0 waiting, 0 dead"):
        assert words in done.out
    assert "\x1b" not in done.out
    assert [] == [line for line in done.out.splitlines() if line != line.rstrip()]


async def test_it_tells_of_an_outage(stage: DemoEnvironment, call_shelfport: Shelfport) -> None:
    """An open circuit with its next probe, and why things are degraded; without a slash, too."""
    stage.sandbox.faults = Faults(mode="down")
    await visit(stage, times=8)
    done = await call_shelfport("top", f"{stage.url}/ops")

    assert "circuit          open, next probe in " in done.out
    assert "the circuit is open" in done.out
    assert "503 Service Unavailable" in done.out


async def test_the_document_is_for_programs(
    stage: DemoEnvironment, call_shelfport: Shelfport
) -> None:
    """With --json it prints what the page's document says."""
    done = await call_shelfport("top", f"{stage.url}/ops/", "--json")

    assert (1, "closed") == (
        json.loads(done.out)["schema"],
        json.loads(done.out)["snapshot"]["circuitBreaker"]["state"],
    )


@pytest.mark.parametrize(
    ("url", "code", "words"),
    [
        ("http://127.0.0.1:9/ops/", 1, "127.0.0.1 does not answer"),
        ("ftp://127.0.0.1/ops/", 2, "is no address of an ops page"),
        ("http://", 2, "is no address of an ops page"),
        ("http://[", 2, "is no address"),
    ],
)
async def test_no_host_is_one_sentence(
    call_shelfport: Shelfport, url: str, code: int, words: str
) -> None:
    """A host that is not there, and what is no address, are told in a sentence on stderr."""
    done = await call_shelfport("top", url)

    assert (code, "", 1) == (done.code, done.out, len(done.err.splitlines()))
    assert words in done.err


async def test_another_page_is_no_ops_page(
    stage: DemoEnvironment, call_shelfport: Shelfport
) -> None:
    """What answers there, but is none of ours, is told apart from nothing."""
    done = await call_shelfport("top", stage.url)

    assert (1, True) == (done.code, "is no ops page of shelfport: it answered 404" in done.err)


async def test_the_token_comes_from_the_environment(call_shelfport: Shelfport) -> None:
    """A page that wants its token says which variable to set; with it, it answers."""
    settings, recorder = Settings(), Recorder()
    adapter = InMemoryInventory(clock=SystemClock())
    inventory = build(settings, adapter=adapter, telemetry=[recorder])
    app = web.Application()
    app.add_subapp("/ops", ops_app(inventory, recorder, settings, token=TOKEN))
    async with inventory, TestServer(app) as server:
        url = str(server.make_url("/ops/"))
        without = await call_shelfport("top", url)
        with_it = await call_shelfport("top", url, SHELFPORT_OPS_TOKEN=TOKEN)

    assert (1, True) == (without.code, "wants its token: set SHELFPORT_OPS_TOKEN" in without.err)
    assert (0, "") == (with_it.code, with_it.err)


async def test_in_a_terminal_it_goes_on(stage: DemoEnvironment) -> None:
    """In a terminal it shows the page again and again, with news, until Ctrl-C."""
    main_end, process_end = pty.openpty()
    os.set_blocking(main_end, False)
    process = subprocess.Popen(  # noqa: ASYNC220 - it is begun, not waited for
        [sys.executable, "-c", MAIN, "top", f"{stage.url}/ops/", "--every", "0.1"],
        stdin=process_end,
        stdout=process_end,
        stderr=process_end,
        env=os.environ | {"PYTHONPATH": SOURCES, "TERM": "xterm-256color", "COLUMNS": "120"},
        start_new_session=True,
    )
    os.close(process_end)
    written = b""

    def says(words: bytes) -> bool:
        nonlocal written
        # Nothing to read yet, or nobody writes any more.
        with suppress(OSError):
            written += os.read(main_end, 65_536)
        return words in written

    try:
        await until(lambda: says(b"closed"), seconds=20)
        stage.sandbox.faults = Faults(mode="down")
        await visit(stage, times=8)
        await until(lambda: says(b"next probe in"), seconds=20)
        process.send_signal(signal.SIGINT)
        await until(lambda: says(b"\x1b[?1049l") and process.poll() is not None, seconds=20)
    finally:
        process.kill()
        process.wait()
        os.close(main_end)

    assert 0 == process.returncode
