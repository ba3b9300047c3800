import asyncio
import json
import signal
import sys

import pytest

from shelfport.contracts.sandbox import CATALOGUE, Sandbox, SeedRecord
from tests.adapters.cli.conftest import Shelfport, Started, WaitForEnd
from tests.support.values import ids

FIRST, SECOND = (str(CATALOGUE[index].variant_id) for index in (0, 3))
MANY = [str(variant) for variant in ids(10_000)]


async def test_ids_come_from_standard_input(call_shelfport: Shelfport, sandbox: Sandbox) -> None:
    """A single - reads one id a line, with any line end; blank lines and comments are skipped."""
    lines = f"\ufeff# the window\n\n{SECOND}\r\n  {FIRST}  \n   # {FIRST}\n\n"
    done = await call_shelfport("get", "-", "--base-url", sandbox.url, stdin=lines.encode())

    assert [SECOND, FIRST] == [line.split()[0] for line in done.out.splitlines()[1:]]
    assert (0, "", 1) == (done.code, done.err, len(sandbox.journal))


@pytest.mark.parametrize(
    ("arguments", "stdin", "expected"),
    [
        (["-"], f"{FIRST}\n\n# x\nseven\n".encode(), "line 4 of standard input: 'seven' is not"),
        (["-"], f"{FIRST}\n\xff\n".encode("latin-1"), "line 2 of standard input: "),
        (["-"], f"{FIRST} {SECOND}\n".encode(), "line 1 of standard input: "),
        (["-"], b"# nothing\n\n", "standard input has no ids"),
        (["-", FIRST], b"", "it must be the only ID"),
        ([FIRST, "-x"], b"", "Unknown option: -x"),
    ],
    ids=["bad line", "not UTF-8", "two on a line", "none", "not alone", "an option"],
)
async def test_bad_ids_are_one_sentence(
    call_shelfport: Shelfport, arguments: list[str], stdin: bytes, expected: str
) -> None:
    """The sentence has the number of the invalid line; no request is sent."""
    done = await call_shelfport("get", *arguments, "--base-url", "http://127.0.0.1:9", stdin=stdin)

    assert (2, "", 1) == (done.code, done.out, len(done.err.splitlines()))
    assert expected in done.err


async def test_a_closed_standard_input(
    call_shelfport: Shelfport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A closed standard input is one sentence."""
    from shelfport.adapters.cli import ids as ids_module

    class _Sys:
        stdin = None

    monkeypatch.setattr(ids_module, "sys", _Sys)
    done = await call_shelfport("get", "-", "--base-url", "http://127.0.0.1:9")

    assert (2, "shelfport: standard input is closed: there are no ids to read\n") == (
        done.code,
        done.err,
    )


@pytest.mark.parametrize("piped", [True, False], ids=["stdin", "arguments"])
async def test_ten_thousand_ids(run_shelfport: Shelfport, piped: bool) -> None:
    """10,000 ids from a pipe or as arguments are all printed in their order."""
    seed = tuple(SeedRecord(variant, 7) for variant in ids(10_000))
    options = ("--json", "--deadline", "30")
    async with Sandbox(seed=seed) as sandbox:
        given = ["-"] if piped else MANY
        stdin = "\n".join(MANY).encode() if piped else b""
        done = await run_shelfport(
            "get", *given, *options, stdin=stdin, SHELFPORT_BASE_URL=sandbox.url
        )

    stock = json.loads(done.out)["stock"]
    assert (0, "") == (done.code, done.err)
    assert MANY == [entry["variantId"] for entry in stock]
    assert {7} == {entry["availableQuantity"] for entry in stock}


async def test_ctrl_c_while_ids_are_awaited(started: Started, wait_for_end: WaitForEnd) -> None:
    """Ctrl-C while the command waits for a line ends it with 130, without output."""
    async with started("get", "-", "--base-url", "http://127.0.0.1:9") as process:
        assert process.stdin is not None
        process.stdin.write(b"#\n" * 100_000)
        # More than a pipe holds: after the drain, the command is reading.
        await process.stdin.drain()
        await asyncio.sleep(0.1)
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(5):
            code = await process.wait()
        done = await wait_for_end(process)

    assert (130, "", "") == (code, done.out, done.err)


def test_more_than_a_command_line_holds() -> None:
    """10,000 ids fit into a command line of Linux."""
    assert sum(len(text) + 1 for text in MANY) < 2**20 or sys.platform == "win32"
