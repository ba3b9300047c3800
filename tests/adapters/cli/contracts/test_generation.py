"""`shelfport contracts generate`: the same pact, another one, or an error."""

import sys
from pathlib import Path

import pytest

from shelfport.contracts import (
    inventory_events_yaml,
    inventory_service_pact,
    inventory_service_yaml,
)
from tests.adapters.cli.conftest import Ended, Shelfport


async def test_the_packaged_pact(call_shelfport: Shelfport) -> None:
    """Nothing is printed if the generated pact is the packaged one."""
    assert Ended(0, "", "") == await call_shelfport("contracts", "generate")


async def test_written(call_shelfport: Shelfport, tmp_path: Path) -> None:
    """--write writes the pact, byte for byte the packaged one."""
    path = tmp_path / "pact.json"

    assert Ended(0, "", "") == await call_shelfport("contracts", "generate", "--write", str(path))
    assert inventory_service_pact() == path.read_text("utf-8")
    assert Ended(0, "", "") == await call_shelfport("contracts", "generate", "--pact", str(path))


async def test_another_pact(call_shelfport: Shelfport, tmp_path: Path) -> None:
    """A changed yaml file prints a diff for each changed interaction, and the exit code is 1."""
    service = tmp_path / "service.yaml"
    service.write_text(inventory_service_yaml().replace("OUT_OF_STOCK]", "OUT_OF_STOCK, GONE]"))

    ended = await call_shelfport("contracts", "generate", "--service", str(service))

    assert (1, "") == (ended.code, ended.err)
    assert "--- the pact: getStockLevel of a variant with stock\n" in ended.out
    assert '+              "regex": "^(IN_STOCK|LOW_STOCK|OUT_OF_STOCK|GONE)$"\n' in ended.out


@pytest.mark.parametrize(
    ("option", "text", "expected"),
    [
        ("--service", "a: [", (1, "inventory-service.yaml is not YAML: ")),
        (
            "--service",
            inventory_service_yaml().replace("availableQuantity", "available"),
            (
                1,
                "inventory-service.yaml#/components/schemas/InventoryStockLevel: "
                "the consumer reads `availableQuantity`, which is not there",
            ),
        ),
        (
            "--events",
            inventory_events_yaml().replace("inventory.low-stock", "stock.low"),
            (1, "knows no event InventoryLowStockEvent on the channel stock.low"),
        ),
        ("--pact", "[]", (1, "is no pact: a JSON object with interactions")),
        ("--service", None, (2, "cannot be read: No such file or directory")),
        ("--pact", None, (2, "cannot be read: No such file or directory")),
    ],
)
async def test_bad_files(
    call_shelfport: Shelfport,
    tmp_path: Path,
    option: str,
    text: str | None,
    expected: tuple[int, str],
) -> None:
    """A missing or invalid file is one sentence."""
    path = tmp_path / "given"
    if text is not None:
        path.write_text(text)

    ended = await call_shelfport("contracts", "generate", option, str(path))

    code, sentence = expected
    assert (code, "") == (ended.code, ended.out)
    assert sentence in ended.err
    assert 1 == ended.err.count("\n")


async def test_compared_and_written_at_once(call_shelfport: Shelfport, tmp_path: Path) -> None:
    """--pact and --write together are refused, and nothing is written."""
    path = tmp_path / "pact.json"

    ended = await call_shelfport(
        *("contracts", "generate"), *("--pact", str(path)), *("--write", str(path))
    )

    assert 2 == ended.code
    assert "--pact and --write are both given" in ended.err
    assert [] == list(tmp_path.iterdir())  # noqa: ASYNC240 - no other task uses the loop


@pytest.mark.parametrize("package", ["pact", "yaml", "referencing", "openapi_spec_validator"])
async def test_without_the_extra(
    call_shelfport: Shelfport, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    """Without a package of the extra, one sentence names the extra."""
    for name in [n for n in sys.modules if n.startswith("shelfport.contracts.pact.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)

    ended = await call_shelfport("contracts", "generate")

    assert 2 == ended.code
    assert 'pip install "shelfport[contracts]"' in ended.err
