import json
from pathlib import Path
from uuid import uuid4

import pytest

from shelfport.contracts.sandbox import CATALOGUE, Faults, Sandbox
from tests.adapters.cli.conftest import Shelfport

IN_STOCK = str(CATALOGUE[0].variant_id)
OUT_OF_STOCK = str(CATALOGUE[3].variant_id)
NOWHERE = "http://127.0.0.1:9"


async def test_a_table_has_a_row_for_each_variant(
    run_shelfport: Shelfport, sandbox: Sandbox
) -> None:
    """In a pipe the table is plain text: a heading, then a line for each variant in order."""
    done = await run_shelfport("get", OUT_OF_STOCK, IN_STOCK, "--base-url", sandbox.url)

    lines = [line.split() for line in done.out.splitlines()]
    assert ["Variant", "Status", "Available", "Freshness,", "as", "of"] == lines[0]
    assert lines[1][:4] == [OUT_OF_STOCK, "OUT_OF_STOCK", "0", "live"]
    assert lines[2][:4] == [IN_STOCK, "IN_STOCK", "34", "live"]
    assert (0, "", False) == (done.code, done.err, "\x1b" in done.out)


async def test_all_variants_cost_one_request(call_shelfport: Shelfport, sandbox: Sandbox) -> None:
    """Several ids, one of them twice, are one request with one correlation id."""
    ids = (IN_STOCK, OUT_OF_STOCK, IN_STOCK.upper())
    done = await call_shelfport("get", *ids, "--base-url", sandbox.url, "--correlation-id", "c-1")

    assert ["c-1"] == [entry.correlation_id for entry in sandbox.journal]
    assert 3 == len(done.out.splitlines())


async def test_json_is_one_document_with_every_field(
    run_shelfport: Shelfport, sandbox: Sandbox
) -> None:
    """With --json stdout is one document; unknown values are null, and the exit code is 1."""
    unknown = str(uuid4())
    done = await run_shelfport("get", IN_STOCK, unknown, "--json", SHELFPORT_BASE_URL=sandbox.url)

    document = json.loads(done.out)
    first, second = document["stock"]
    fields = (
        "variantId hostId known reason status availableQuantity updatedAt asOf freshness source"
    )
    assert {"correlationId", "stock", "schema"} == document.keys()
    assert fields.split() == list(first)
    assert tuple(
        first[k]
        for k in ("variantId", "known", "status", "availableQuantity", "freshness", "source")
    ) == (IN_STOCK, True, "IN_STOCK", 34, "LIVE", "http")
    nothing = dict.fromkeys(fields.split())
    assert nothing | {"variantId": unknown, "known": False, "reason": "UNKNOWN_VARIANT"} == second
    assert (1, 1, "") == (document["schema"], done.code, done.err)


async def test_an_unknown_variant_is_answered_no(
    run_shelfport: Shelfport, sandbox: Sandbox
) -> None:
    """A variant without a record is printed as unknown; the exit code is 1."""
    done = await run_shelfport("get", str(uuid4()), "--base-url", sandbox.url)

    assert (1, True, "") == (done.code, "unknown variant" in done.out, done.err)


async def test_a_service_that_is_down_is_answered_no(
    run_shelfport: Shelfport, sandbox: Sandbox
) -> None:
    """In an outage the table has the reason, stderr is empty, and the exit code is 1."""
    sandbox.faults = Faults(mode="down")
    done = await run_shelfport("get", IN_STOCK, "--base-url", sandbox.url)

    assert done.out.splitlines()[1].split() == [IN_STOCK, "unavailable", "-", "overloaded"]
    assert (1, "") == (done.code, done.err)


async def test_verbose_logs_to_stderr(call_shelfport: Shelfport) -> None:
    """With --verbose the library's log goes to stderr, with the correlation id."""
    options = ("--base-url", NOWHERE, "--verbose", "--correlation-id", "c-2")
    done = await call_shelfport("get", IN_STOCK, *options)

    assert "shelfport.calls" in done.err
    assert "correlation id c-2" in done.err
    assert 1 == done.code


async def test_settings_come_from_a_file(
    call_shelfport: Shelfport, sandbox: Sandbox, tmp_path: Path
) -> None:
    """The base URL can come from a --settings file."""
    file = tmp_path / "shelfport.toml"
    file.write_text(f'[shelfport]\nbase_url = "{sandbox.url}"\n')
    done = await call_shelfport("get", IN_STOCK, "--settings", str(file))

    assert (0, "") == (done.code, done.err)


async def test_base_url_wins_over_the_settings(call_shelfport: Shelfport, sandbox: Sandbox) -> None:
    """The command line wins over the environment."""
    done = await call_shelfport(
        "get", IN_STOCK, "--base-url", sandbox.url, SHELFPORT_BASE_URL=NOWHERE
    )

    assert 0 == done.code


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["get"], "ID"),
        (["get", "7"], "'7' is not a variant id"),
        (["get", IN_STOCK], "the option --base-url"),
        (["get", IN_STOCK, "--base-url", "ftp://x"], "base_url is 'ftp://x'"),
        (["get", IN_STOCK, "--base-url", NOWHERE, "--deadline", "0"], "deadline is 0"),
        (["get", IN_STOCK, "--base-url", NOWHERE, "--deadline", "soon"], "--deadline"),
        (["get", IN_STOCK, "--base-url", NOWHERE, "--max-staleness", "-1"], "max_staleness"),
        (["get", IN_STOCK, "--settings", "no-such-file.toml"], "no-such-file.toml"),
        (["get", IN_STOCK, "--nonsense"], "--nonsense"),
        (["fetch", IN_STOCK], "fetch"),
    ],
    ids=lambda value: " ".join(value[:1] + value[-2:]) if isinstance(value, list) else "",
)
def test_misuse_is_one_sentence(
    arguments: list[str],
    expected: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Invalid arguments and settings end with 2 and one line on stderr that names them."""
    from shelfport.adapters.cli import main

    monkeypatch.delenv("SHELFPORT_BASE_URL", raising=False)
    code = main(arguments)

    out, err = capsys.readouterr()
    assert (2, "", 1) == (code, out, len(err.splitlines()))
    assert err.startswith("shelfport: ")
    assert expected.lower() in err.lower()


async def test_misuse_in_a_process(run_shelfport: Shelfport) -> None:
    """A process ends with the exit code and the sentence on stderr."""
    done = await run_shelfport("get", "not-a-uuid", "--base-url", NOWHERE)

    assert (2, "", 1) == (done.code, done.out, len(done.err.splitlines()))
