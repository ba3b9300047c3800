import asyncio
import re
import signal
from asyncio.subprocess import Process
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest

from shelfport.contracts.sandbox import Sandbox
from tests.adapters.cli.conftest import Shelfport, Started, WaitForEnd


async def _line(process: Process, beginning: str) -> str:
    """The rest of the first line of the output that begins so."""
    assert process.stdout is not None
    assert process.stderr is not None
    while line := (await process.stdout.readline()).decode():
        if line.startswith(beginning):
            return line.removeprefix(beginning).strip()
    raise AssertionError((await process.stderr.read()).decode())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda n: n.name)
async def test_sandbox_serves_until_it_is_told_to_stop(
    started: Started, wait_for_end: WaitForEnd, number: signal.Signals
) -> None:
    """`sandbox` says where it is, answers there, and ends cleanly by Ctrl-C or SIGTERM."""
    async with started("sandbox", "--port", "0") as process:
        url = await _line(process, "Inventory Service (sandbox):")
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{url}/_sandbox/health") as response:
                health = await response.json()
            process.send_signal(number)
            done = await wait_for_end(process)

    assert {"status": "ok", "records": 24} == health
    assert (0, "") == (done.code, done.err)


async def test_a_sandbox_keeps_its_store(
    started: Started, wait_for_end: WaitForEnd, call_shelfport: Shelfport, tmp_path: Path
) -> None:
    """A record opened in an empty sandbox with --store is there when that is started again."""
    variant = str(uuid4())
    arguments = ("sandbox", "--port", "0", "--empty", "--store", str(tmp_path / "stock.sqlite"))
    async with started(*arguments) as process:
        url = await _line(process, "Inventory Service (sandbox):")
        await call_shelfport("init", variant, "--quantity", "1", "--base-url", url)
        process.send_signal(signal.SIGINT)
        await wait_for_end(process)
    async with started(*arguments) as process:
        url = await _line(process, "Inventory Service (sandbox):")
        done = await call_shelfport("get", variant, "--base-url", url)

    assert (0, ["LOW_STOCK", "1"]) == (done.code, done.out.splitlines()[1].split()[1:3])


@pytest.mark.parametrize("command", ["sandbox", "demo"])
async def test_a_taken_port_is_bad_use(
    run_shelfport: Shelfport, sandbox: Sandbox, command: str
) -> None:
    """A port that somebody else listens on is one sentence, and exit code 2."""
    taken = sandbox.url.rpartition(":")[2]
    done = await run_shelfport(command, "--port", taken)

    assert (2, 1) == (done.code, len(done.err.splitlines()))
    assert f"127.0.0.1:{taken}" in done.err


async def test_a_store_that_cannot_be_is_bad_use(run_shelfport: Shelfport, tmp_path: Path) -> None:
    """A store where no file can be is one sentence, and exit code 2."""
    done = await run_shelfport("sandbox", "--port", "0", "--store", str(tmp_path / "no" / "file"))

    assert (2, 1, "") == (done.code, len(done.err.splitlines()), done.out)


async def test_demo_serves_until_ctrl_c(started: Started, wait_for_end: WaitForEnd) -> None:
    """`demo` serves its page, and ends cleanly by Ctrl-C with a browser still connected."""
    async with started("demo", "--port", "0") as process, aiohttp.ClientSession() as session:
        url = await _line(process, "Product Service:")
        async with session.get(url) as response:
            page = await response.text()
        process.send_signal(signal.SIGINT)
        done = await wait_for_end(process)

    assert (200, 24) == (response.status, page.count('class="badge'))
    assert (0, "") == (done.code, done.err)


async def test_demo_once_tells_its_story(run_shelfport: Shelfport) -> None:
    """`demo --once` plays every step over HTTP, and ends with 0 if all went as told."""
    done = await run_shelfport("demo", "--once")

    assert (0, "") == (done.code, done.err)
    assert re.fullmatch(r"All \d+ steps went as told\.", done.out.splitlines()[-1])


async def test_a_story_that_is_not_as_told_is_answered_no(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`demo --once` ends with 1 where a step brings something else than was told."""
    from shelfport.adapters.cli import main
    from shelfport.adapters.demo import environment

    monkeypatch.setattr(environment, "seed_records", tuple)
    code = await asyncio.to_thread(main, ["demo", "--once"])

    out = capsys.readouterr().out
    assert 1 == code
    assert re.fullmatch(r"Step 1 of \d+ was not as told\.", out.splitlines()[-1])
    assert "NOT AS TOLD: expected 12, came 0" in out
