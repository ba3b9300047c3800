"""`shelfport top`: the ops page of a running host, in a terminal and into a pipe."""

import json
import os
import pty
import re
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
async def environment() -> AsyncIterator[DemoEnvironment]:
    async with demo_environment(
        Windows(ttl=0, stale_while_revalidate=0, stale_if_error=60, open_duration=60)
    ) as running:
        yield running


async def visit(environment: DemoEnvironment, times: int = 1) -> None:
    """Get the shop's page."""
    async with aiohttp.ClientSession() as session:
        for _ in range(times):
            async with session.get(environment.url) as answer:
                assert 200 == answer.status


async def test_it_prints_the_snapshot(
    environment: DemoEnvironment, call_shelfport: Shelfport
) -> None:
    """Into a pipe it prints once: circuit, budget, served variants, attempts, queue, events."""
    await visit(environment)
    done = await call_shelfport("top", f"{environment.url}/ops/")

    assert (0, "") == (done.code, done.err)
    assert "shelfport  " in done.out
    for words in (
        "circuit          closed",
        "of 10 tokens",
        "missed 24",
        "0 waiting, 0 dead letters",
    ):
        assert words in done.out
    assert "\x1b" not in done.out
    assert [] == [line for line in done.out.splitlines() if line != line.rstrip()]


async def test_it_prints_an_outage(environment: DemoEnvironment, call_shelfport: Shelfport) -> None:
    """It prints the open circuit with its next probe, and the reasons; also without a slash."""
    environment.sandbox.faults = Faults(mode="refuse")
    await visit(environment, times=8)
    done = await call_shelfport("top", f"{environment.url}/ops")

    assert "circuit          open, next probe in " in done.out
    assert "the circuit is open" in done.out
    assert "broke before an answer" in done.out


async def test_it_prints_whose_fault_the_failures_are(
    environment: DemoEnvironment, call_shelfport: Shelfport
) -> None:
    """It prints the scopes with failures, and says so if there is none."""
    before = await call_shelfport("top", f"{environment.url}/ops/")
    environment.sandbox.faults = Faults(error_rate=1.0, error_status=403)
    await visit(environment)
    after = await call_shelfport("top", f"{environment.url}/ops/")

    assert "faults, 5 min    no failures" in before.out
    assert re.search(r"faults, 5 min    credentials \d+$", after.out, re.MULTILINE)


async def test_the_document_is_for_programs(
    environment: DemoEnvironment, call_shelfport: Shelfport
) -> None:
    """With --json it prints the page's document."""
    done = await call_shelfport("top", f"{environment.url}/ops/", "--json")

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
    """A host that does not answer, and an invalid address, are one sentence on stderr."""
    done = await call_shelfport("top", url)

    assert (code, "", 1) == (done.code, done.out, len(done.err.splitlines()))
    assert words in done.err


async def test_another_page_is_no_ops_page(
    environment: DemoEnvironment, call_shelfport: Shelfport
) -> None:
    """A page that is no ops page has a sentence of its own."""
    done = await call_shelfport("top", environment.url)

    assert (1, True) == (done.code, "is no ops page of shelfport: it answered 404" in done.err)


async def test_the_token_comes_from_the_environment(call_shelfport: Shelfport) -> None:
    """Without the token, the sentence names the variable to set; with it, the page answers."""
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


async def test_in_a_terminal_it_continues(environment: DemoEnvironment) -> None:
    """In a terminal it updates the page until Ctrl-C."""
    main_end, process_end = pty.openpty()
    os.set_blocking(main_end, False)
    process = subprocess.Popen(  # noqa: ASYNC220 - it is begun, not waited for
        [sys.executable, "-c", MAIN, "top", f"{environment.url}/ops/", "--interval", "0.1"],
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
        # Nothing to read yet, or the process has ended.
        with suppress(OSError):
            written += os.read(main_end, 65_536)
        return words in written

    try:
        await until(lambda: says(b"closed"), seconds=20)
        environment.sandbox.faults = Faults(mode="refuse")
        await visit(environment, times=8)
        await until(lambda: says(b"next probe in"), seconds=20)
        process.send_signal(signal.SIGINT)
        await until(lambda: says(b"\x1b[?1049l") and process.poll() is not None, seconds=20)
    finally:
        process.kill()
        process.wait()
        os.close(main_end)

    assert 0 == process.returncode
