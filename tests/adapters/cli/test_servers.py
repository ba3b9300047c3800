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
    """The rest of the first output line with this beginning."""
    assert process.stdout is not None
    assert process.stderr is not None
    while line := (await process.stdout.readline()).decode():
        if line.startswith(beginning):
            return line.removeprefix(beginning).strip()
    raise AssertionError((await process.stderr.read()).decode())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda n: n.name)
async def test_sandbox_serves_until_a_signal(
    started: Started, wait_for_end: WaitForEnd, number: signal.Signals
) -> None:
    """`sandbox` prints its address, answers there, and ends at Ctrl-C or SIGTERM with 0."""
    async with started("sandbox", "--port", "0") as process:
        url = await _line(process, "Inventory Service (sandbox):")
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{url}/_sandbox/health") as response:
                health = await response.json()
            process.send_signal(number)
            done = await wait_for_end(process)

    assert {"status": "ok", "records": 24} == health
    assert (0, "") == (done.code, done.err)


async def test_a_sandbox_with_a_store_keeps_its_records(
    started: Started, wait_for_end: WaitForEnd, call_shelfport: Shelfport, tmp_path: Path
) -> None:
    """A record of a sandbox with --store exists after a restart."""
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
async def test_a_port_in_use(run_shelfport: Shelfport, sandbox: Sandbox, command: str) -> None:
    """A port of another program is one sentence, and exit code 2."""
    taken = sandbox.url.rpartition(":")[2]
    done = await run_shelfport(command, "--port", taken)

    assert (2, 1) == (done.code, len(done.err.splitlines()))
    assert f"127.0.0.1:{taken}" in done.err


async def test_a_store_without_a_folder(run_shelfport: Shelfport, tmp_path: Path) -> None:
    """A store in a missing folder is one sentence, and exit code 2."""
    done = await run_shelfport("sandbox", "--port", "0", "--store", str(tmp_path / "no" / "file"))

    assert (2, 1, "") == (done.code, len(done.err.splitlines()), done.out)


async def test_demo_serves_until_ctrl_c(started: Started, wait_for_end: WaitForEnd) -> None:
    """`demo` serves its page, and ends at Ctrl-C with 0 while a browser is connected."""
    async with started("demo", "--port", "0") as process, aiohttp.ClientSession() as session:
        url = await _line(process, "Product Service:")
        async with session.get(url) as response:
            page = await response.text()
        process.send_signal(signal.SIGINT)
        done = await wait_for_end(process)

    assert (200, 24) == (response.status, page.count('class="badge'))
    assert (0, "") == (done.code, done.err)


async def test_demo_once_runs_its_scenario(run_shelfport: Shelfport) -> None:
    """`demo --once` runs every step over HTTP, and ends with 0 if all went as expected."""
    done = await run_shelfport("demo", "--once")

    assert (0, "") == (done.code, done.err)
    assert re.fullmatch(r"All \d+ steps went as expected\.", done.out.splitlines()[-1])


async def test_an_unexpected_fact_ends_demo_once_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`demo --once` ends with 1 if a step brings an unexpected fact."""
    from shelfport.adapters.cli import main
    from shelfport.adapters.demo import environment

    monkeypatch.setattr(environment, "seed_records", tuple)
    code = await asyncio.to_thread(main, ["demo", "--once"])

    out = capsys.readouterr().out
    assert 1 == code
    assert re.fullmatch(r"Step 1 of \d+ did not go as expected\.", out.splitlines()[-1])
    assert "NOT AS EXPECTED: expected 12, got 0" in out
