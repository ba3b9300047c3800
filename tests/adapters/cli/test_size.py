import json
import tomllib
from pathlib import Path

from shelfport.adapters.config.loader import load_settings
from tests.adapters.cli.conftest import Shelfport

FLEET = ("size", "--hosts", "1000", "--views", "10000", "--capacity", "3000")


async def test_the_output_is_a_settings_file(call_shelfport: Shelfport, tmp_path: Path) -> None:
    """The output loads as a settings file; its comments have the loads."""
    done = await call_shelfport(*FLEET, "--shared-cache")
    file = tmp_path / "fleet.toml"
    file.write_text(done.out)
    settings = load_settings(file)

    assert (0, "") == (done.code, done.err)
    assert {"cache", "limit", "retry"} == tomllib.loads(done.out)["shelfport"].keys()
    assert (11.0, 0.0) == (settings.cache.ttl, settings.retry.budget_ratio)
    assert "# Steady load: 2,0" in done.out
    assert "above the capacity" in done.out


async def test_json_is_one_document(call_shelfport: Shelfport) -> None:
    """With --json the same numbers are one document."""
    document = json.loads((await call_shelfport(*FLEET, "--shared-cache", "--json")).out)

    assert (True, 11.0, 0.0, 1) == (
        document["fits"], document["ttl"], document["budgetRatio"], document["schema"]
    )  # fmt: skip


async def test_a_service_that_is_too_small(call_shelfport: Shelfport) -> None:
    """If the service is too small for any settings, the exit code is 1."""
    done = await call_shelfport(*FLEET)

    assert (1, "") == (done.code, done.err)
    assert "too small" in done.out
    assert "shared cache" in done.out


async def test_a_number_out_of_bounds(call_shelfport: Shelfport) -> None:
    """A fleet without hosts is one sentence and exit code 2."""
    done = await call_shelfport("size", "--hosts", "0", "--views", "1", "--capacity", "1")

    assert (2, "") == (done.code, done.out)
    assert done.err.startswith("shelfport: hosts is 0: ")
