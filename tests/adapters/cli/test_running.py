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
from shelfport.adapters.cli.running import Exit, Misuse, guarded, log_output, print_error, run_async
from shelfport.contracts.sandbox import CATALOGUE, Faults, Sandbox
from tests.adapters.cli.conftest import MAIN, SOURCES, Shelfport, Started, WaitForEnd

VARIANT = str(CATALOGUE[0].variant_id)


def _raising(error: BaseException) -> Callable[[], int]:
    def command() -> int:
        raise error

    return command


def test_a_bug_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    """An unexpected exception is one line that names the option for its traceback."""
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


def test_python_runs_the_package(tmp_path: Path) -> None:
    """`python -m shelfport` is the command, for where its script is not in the PATH."""
    run = (sys.executable, "-m", "shelfport")
    env = {**os.environ, "PYTHONPATH": SOURCES}

    shown, refused = (
        subprocess.run(
            [*run, argument], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
        )
        for argument in ("--version", "no-such-command")
    )

    assert (0, f"shelfport {version('shelfport')}\n", "") == (
        shown.returncode,
        shown.stdout,
        shown.stderr,
    )
    assert Exit.MISUSED == refused.returncode
    assert refused.stderr.startswith("shelfport: ")


def test_misuse_and_interruption_have_their_codes(capsys: pytest.CaptureFixture[str]) -> None:
    """Misuse is 2 with a sentence, an interruption 130 without one."""
    codes = [guarded(_raising(Misuse("not so"))), guarded(_raising(KeyboardInterrupt()))]

    assert (
        codes,
        capsys.readouterr().err,
    ) == ([Exit.MISUSED, Exit.INTERRUPTED], "shelfport: not so\n")


def test_errors_have_no_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    """Control characters in an error do not reach the terminal."""
    print_error("a\x1b[31mb\r\nc")

    assert "shelfport: a [31mb c\n" == capsys.readouterr().err


def test_without_verbose_nothing_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    """Without --verbose, warnings of loggers are not printed either."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    with log_output(verbose=False):
        during = len(root.handlers)

    assert (len(handlers) + 1, handlers, level) == (during, root.handlers, root.level)


def test_a_coroutine_returns_the_exit_code() -> None:
    """The exit code is the return value of the command."""

    async def command() -> int:
        await asyncio.sleep(0)
        return 1

    assert 1 == run_async(command, verbose=False)


@pytest.mark.parametrize("missing", ["cyclopts", "rich"])
def test_a_missing_extra_is_one_sentence(
    missing: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without cyclopts or rich the command names the extra, and ends with 2."""
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


async def test_help_lists_the_exit_codes(run_shelfport: Shelfport) -> None:
    """Help goes to stdout, without colours and frames in a pipe, and lists the exit codes."""
    done = await run_shelfport("get", "--help")

    assert (0, "") == (done.code, done.err)
    assert set("\x1b╭│") & set(done.out) == set()
    assert "Exit codes:" in done.out
    assert "Examples:" in done.out


def test_version_is_the_package_s(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` prints the installed version."""
    code = main(["--version"])

    assert (0, f"shelfport {version('shelfport')}\n") == (code, capsys.readouterr().out)


async def test_an_interrupted_call(
    started: Started, wait_for_end: WaitForEnd, sandbox: Sandbox
) -> None:
    """Ctrl-C while a command waits for an answer ends it with 130, without output."""
    sandbox.faults = Faults(mode="hang")
    async with started("get", VARIANT, "--base-url", sandbox.url) as process:
        while not sandbox.journal:  # noqa: ASYNC110 - another process sets it
            await asyncio.sleep(0.01)
        process.send_signal(signal.SIGINT)
        done = await wait_for_end(process)

    assert (130, "", "") == (done.code, done.out, done.err)


async def test_a_closed_output(started: Started, wait_for_end: WaitForEnd) -> None:
    """When the reader closes the output, the command ends with 141, without an error."""
    async with started("demo", "--once") as process:
        out, errors = process.stdout, process.stderr
        assert out is not None
        assert errors is not None
        await out.readline()
        out._transport.close()  # type: ignore[attr-defined]  # a reader has no close of its own
        err = await errors.read()
        code = await process.wait()

    assert (141, b"") == (code, err)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_output_that_cannot_be_written_is_one_sentence() -> None:
    """A full disk is one sentence and exit code 74."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", MAIN, "--version"],
            stdout=full,
            stderr=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": SOURCES},
            check=False,
        )

    assert (74, 1) == (done.returncode, len(done.stderr.splitlines()))
