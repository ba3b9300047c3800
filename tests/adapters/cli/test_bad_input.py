"""Invalid input is one sentence on stderr, and the right exit code."""

from pathlib import Path

import pytest

from shelfport.contracts.sandbox import CATALOGUE, Sandbox
from tests.adapters.cli.conftest import Ended, Shelfport

VARIANT = str(CATALOGUE[0].variant_id)
NOWHERE = "http://127.0.0.1:9"


def refused(done: Ended) -> str:
    """The sentence of a command that ended with 2."""
    assert (2, "", 1) == (done.code, done.out, len(done.err.splitlines()))
    assert done.err.startswith("shelfport: ")
    return done.err


@pytest.mark.parametrize("text", ["", "7", f"{VARIANT}0", "00000000-0000-0000-0000-000000000000"])
@pytest.mark.parametrize("command", [["get"], ["init"], ["check", "--variant"]], ids=" ".join)
async def test_invalid_variant_ids(
    call_shelfport: Shelfport, command: list[str], text: str
) -> None:
    """Invalid ids and the nil UUID are refused without a request."""
    sentence = refused(await call_shelfport(*command, text, "--base-url", NOWHERE))

    assert "is not a variant id" in sentence


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("inventory.internal", "it must begin with https:// or http://"),
        ("ftp://inventory.internal", "it must begin with https:// or http://"),
        ("https://", "it must begin with https:// or http:// and a host"),
        ("https://me:hunter2@inventory.internal", "base_url contains credentials"),
        ("https://inventory.internal?a=b", "must not have a query"),
        ("https://inventory.internal#a", "must not have a query or a fragment"),
        ("http://inventory.internal", "plain http to another machine"),
    ],
)
@pytest.mark.parametrize("command", [("get", VARIANT), ("init", VARIANT)], ids=lambda c: c[0])
async def test_invalid_base_urls(
    call_shelfport: Shelfport, command: tuple[str, ...], url: str, expected: str
) -> None:
    """An invalid base URL is refused with the rule that it breaks, without its password."""
    sentence = refused(await call_shelfport(*command, "--base-url", url))

    assert expected in sentence
    assert sentence.endswith("(from --base-url)\n")
    assert "hunter2" not in sentence


@pytest.mark.parametrize("end", ["/", "/shop/api", "/shop/api/"])
async def test_a_base_url_with_a_path(
    call_shelfport: Shelfport, sandbox: Sandbox, end: str
) -> None:
    """A base URL may have a path and a trailing slash: `/inventory` follows them."""
    done = await call_shelfport("get", VARIANT, "--base-url", f"{sandbox.url}{end}")

    known = end == "/"
    assert (0 if known else 1, "") == (done.code, done.err)
    assert f"{end.rstrip('/')}/inventory/{VARIANT}" == sandbox.journal[0].path


@pytest.mark.parametrize("url", [NOWHERE, "https://inventory.invalid"], ids=["port", "name"])
async def test_an_unreachable_service(call_shelfport: Shelfport, url: str) -> None:
    """At a closed port or an unknown name, `get` and `init` end with 1."""
    got = await call_shelfport("get", VARIANT, "--base-url", url)
    initialized = await call_shelfport("init", VARIANT, "--base-url", url)

    assert (1, "", True) == (got.code, got.err, "unreachable" in got.out)
    assert (1, "", 1) == (
        initialized.code,
        initialized.out,
        len(initialized.err.splitlines()),
    )
    assert url in initialized.err


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, ["does not exist"]),
        ("[shelfport\n", ["cannot be read"]),
        (b"\xff\xfe", ["cannot be read"]),
        ("[tool]\n", ["has no table [shelfport]"]),
        (
            "[shelfport]\nbase_uri = 'https://a.example'\n",
            ["base_uri is no setting; did you mean base_url?"],
        ),
        (
            "[shelfport.cache]\nfresh = 1.0\n",
            ["cache.fresh is no setting; "],
        ),
        ("[shelfport]\ndeadline = 'soon'\n", ["deadline (from ", "it must be a number of seconds"]),
        ("[shelfport]\ndeadline = true\n", ["deadline (from ", "Expected `float`"]),
        ("[shelfport]\ntoken = 7\n", ["token (from ", "Expected `str`"]),
        ("[shelfport.batch]\nmax_concurrency = 0\n", ["batch.max_concurrency is 0", "must be"]),
    ],
    ids=[
        "missing",
        "malformed",
        "binary",
        "foreign",
        "key",
        "nested",
        "text",
        "true",
        "token",
        "0",
    ],
)
async def test_a_bad_settings_file(
    call_shelfport: Shelfport, tmp_path: Path, content: str | bytes | None, expected: list[str]
) -> None:
    """The sentence names the file, the key and the valid values; `check` fails with the same."""
    file = tmp_path / "shop.toml"
    if content is not None:
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    options = ("--settings", str(file))
    sentence = refused(await call_shelfport("get", VARIANT, *options))
    checked = await call_shelfport("check", *options)

    assert [] == [part for part in (str(file), *expected) if part not in sentence]
    assert (2, sentence) == (checked.code, checked.err)
    assert f"settings      failed     {sentence.removeprefix('shelfport: ')}" in checked.out
