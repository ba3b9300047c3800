import asyncio
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from shelfport.adapters.cli import main
from shelfport.adapters.cli.running import Exit, Misuse, complain, guarded, logs_shown, run_async
from shelfport.contracts.sandbox import CATALOGUE, Faults, Sandbox
from tests.adapters.cli.conftest import MAIN, SOURCES, Shelfport, Started, WaitForEnd

VARIANT = str(CATALOGUE[0].variant_id)


def _raising(error: BaseException) -> Callable[[], int]:
    def command() -> int:
        raise error

    return command


def test_a_bug_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    """What nobody foresaw is one line, which says how to see the traceback."""
    code = guarded(_raising(ZeroDivisionError("oh\nno")))

    assert 70 == code
    assert capsys.readouterr().err == (
        "shelfport: unexpected ZeroDivisionError: oh no; this is a bug, run with --verbose for "
        "the traceback\n"
    )


def test_a_bug_has_its_traceback_when_verbose(capsys: pytest.CaptureFixture[str]) -> None:
    """With --verbose the traceback comes before the sentence."""
    guarded(_raising(ZeroDivisionError("oh")), verbose=True)

    err = capsys.readouterr().err
    assert ("Traceback (most recent call last):", True) == (
        err.splitlines()[0],
        err.endswith("this is a bug\n"),
    )


def test_misuse_and_interruption_have_their_codes(capsys: pytest.CaptureFixture[str]) -> None:
    """Misuse is 2 with a sentence, an interruption 130 without one."""
    codes = [guarded(_raising(Misuse("not so"))), guarded(_raising(KeyboardInterrupt()))]

    assert (
        codes,
        capsys.readouterr().err,
    ) == ([Exit.MISUSED, Exit.INTERRUPTED], "shelfport: not so\n")


def test_a_sentence_cannot_command_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Control characters that came from elsewhere do not reach the terminal."""
    complain("a\x1b[31mb\r\nc")

    assert "shelfport: a [31mb c\n" == capsys.readouterr().err


def test_logs_are_silent_unless_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    """Without --verbose not even a warning of a logger that nobody configured is shown."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    with logs_shown(verbose=False):
        during = len(root.handlers)

    assert (len(handlers) + 1, handlers, level) == (during, root.handlers, root.level)


def test_the_coroutine_decides_on_the_code() -> None:
    """What a command returns is the exit code."""

    async def command() -> int:
        await asyncio.sleep(0)
        return 1

    assert 1 == run_async(command, verbose=False)


@pytest.mark.parametrize("missing", ["cyclopts", "rich"])
def test_a_missing_extra_is_one_sentence(
    missing: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without cyclopts or rich the command says what to install, and ends with 2."""
    for name in [n for n in sys.modules if n.partition(".")[0] in ("cyclopts", "rich")]:
        monkeypatch.delitem(sys.modules, name)
    ours = "shelfport.adapters.cli."
    for name in [n for n in sys.modules if n.startswith(ours) and n != f"{ours}running"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    code = main(["--version"])

    err = capsys.readouterr().err
    assert (2, 1) == (code, len(err.splitlines()))
    assert missing in err
    assert 'pip install "shelfport[cli]"' in err


async def test_help_tells_the_exit_codes(run_shelfport: Shelfport) -> None:
    """Help goes to stdout, free of colours and frames in a pipe, and tells the exit codes."""
    done = await run_shelfport("get", "--help")

    assert (0, "") == (done.code, done.err)
    assert set("\x1b╭│") & set(done.out) == set()
    assert "Exit codes:" in done.out
    assert "Examples:" in done.out


def test_version_is_the_package_s(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` prints the version that is installed."""
    code = main(["--version"])

    assert (0, f"shelfport {version('shelfport')}\n") == (code, capsys.readouterr().out)


async def test_an_interrupted_call_ends_quietly(
    started: Started, wait_for_end: WaitForEnd, sandbox: Sandbox
) -> None:
    """Ctrl-C while a command waits for its answer ends it with 130, without a word."""
    sandbox.faults = Faults(mode="hang")
    async with started("get", VARIANT, "--base-url", sandbox.url) as process:
        while not sandbox.journal:  # noqa: ASYNC110 - another process sets it
            await asyncio.sleep(0.01)
        process.send_signal(signal.SIGINT)
        done = await wait_for_end(process)

    assert (130, "", "") == (done.code, done.out, done.err)


async def test_a_reader_that_left_ends_it_quietly(
    started: Started, wait_for_end: WaitForEnd
) -> None:
    """When the reader of the output is gone, the command ends without a word, as others do."""
    async with started("demo", "--once") as process:
        out, told = process.stdout, process.stderr
        assert out is not None
        assert told is not None
        await out.readline()
        out._transport.close()  # type: ignore[attr-defined]  # a reader has no close of its own
        err = await told.read()
        code = await process.wait()

    assert (141, b"") == (code, err)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_output_that_cannot_be_written_is_one_sentence() -> None:
    """A full disk is no bug: one sentence and a code of its own."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", MAIN, "--version"],
            stdout=full,
            stderr=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": SOURCES},
            check=False,
        )

    assert (74, 1) == (done.returncode, len(done.stderr.splitlines()))
