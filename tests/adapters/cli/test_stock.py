from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import uuid4

import msgspec
import pytest

from shelfport import (
    AlreadyThere,
    Availability,
    Created,
    Freshness,
    InventoryItem,
    StockLevel,
    StockReading,
    StockStatus,
    Unavailable,
    UnavailableReason,
    variant_id,
)
from shelfport.adapters.cli import output, stock
from shelfport.adapters.cli.ids import NamedVariant
from shelfport.errors import ReachedService, TimedOut

MOMENT = datetime(2024, 5, 17, 9, 30, 12, tzinfo=UTC)
VARIANT = variant_id("c9bf9e57-1685-4c89-bafb-ff5af830be8a")
OTHER = variant_id("2f1c6d0e-8a4b-4f9d-9c57-0d6f3f1e2b7a")
LEVEL = StockLevel(VARIANT, 3, StockStatus.LOW_STOCK, MOMENT)
NAMED = NamedVariant(VARIANT, VARIANT)
PAGE: Mapping[NamedVariant, Availability] = {
    NAMED: StockReading(LEVEL, MOMENT, "http", Freshness.STALE),
    NamedVariant(OTHER, OTHER): Unavailable(UnavailableReason.TIMED_OUT),
}


def test_the_table_has_the_freshness_of_a_reading(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table has the freshness and time of a reading, or the reason why there is none."""
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    stock.print_stock(stock.stock_document(PAGE, "c-1"))

    assert [
        "Variant                               Status       Available  Freshness, as of",
        f"{VARIANT}  LOW_STOCK            3  stale 09:30:12Z",
        f"{OTHER}  unavailable          -  timed out",
    ] == capsys.readouterr().out.splitlines()


def test_rows_are_not_wrapped(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row is one line also in a narrow terminal; each fits into 80 columns."""
    monkeypatch.setenv("COLUMNS", "20")
    stock.print_stock(stock.stock_document(PAGE, "c-1"))

    lines = capsys.readouterr().out.splitlines()
    assert (3, True) == (len(lines), max(map(len, lines)) <= 80)


@pytest.mark.parametrize(("variables", "colored"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_no_color_is_honoured(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    colored: bool,
) -> None:
    """The output has colours with FORCE_COLOR, and none with NO_COLOR."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    stock.print_stock(stock.stock_document(PAGE, "c-1"))

    assert colored is ("\x1b[33m" in capsys.readouterr().out)


def test_the_document_of_stock(capsys: pytest.CaptureFixture[str]) -> None:
    """The document has every field; instants have their offset."""
    output.print_json(stock.stock_document(PAGE, "c-1"))

    assert {
        "correlationId": "c-1",
        "stock": [
            {
                "variantId": VARIANT,
                "hostId": None,
                "known": True,
                "reason": None,
                "status": "LOW_STOCK",
                "availableQuantity": 3,
                "updatedAt": "2024-05-17T09:30:12Z",
                "asOf": "2024-05-17T09:30:12Z",
                "freshness": "STALE",
                "source": "http",
            },
            {
                "variantId": OTHER,
                "hostId": None,
                "known": False,
                "reason": "TIMED_OUT",
                "status": None,
                "availableQuantity": None,
                "updatedAt": None,
                "asOf": None,
                "freshness": None,
                "source": None,
            },
        ],
        "schema": 1,
    } == msgspec.json.decode(capsys.readouterr().out)


def test_outcomes_of_an_initialisation() -> None:
    """The document has the outcome, and the known fields of the record."""
    item_id, key = uuid4(), uuid4()
    item = InventoryItem(
        id=item_id,
        variant_id=VARIANT,
        quantity=3,
        available_quantity=3,
        status=StockStatus.LOW_STOCK,
        updated_at=MOMENT,
    )
    error = TimedOut("no answer", reached_service=ReachedService.UNKNOWN)
    outcomes = (Created(item), AlreadyThere(LEVEL), error)
    documents = [
        stock.initialization_document(NAMED, o, idempotency_key=key, correlation_id="c-1")
        for o in outcomes
    ]

    assert [
        ("CREATED", item_id, StockStatus.LOW_STOCK, 3, None),
        ("ALREADY_THERE", None, StockStatus.LOW_STOCK, 3, None),
        (
            "FAILED",
            None,
            None,
            None,
            stock.FailureEntry("TimedOut", "no answer", True, "unknown", None),
        ),
    ] == [(d.outcome, d.item_id, d.status, d.available_quantity, d.error) for d in documents]
    assert {(VARIANT, None, key, "c-1")} == {
        (d.variant_id, d.host_id, d.idempotency_key, d.correlation_id) for d in documents
    }
