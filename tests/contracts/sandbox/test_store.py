"""Records and keys: derived statuses, whole writes, and what survives a restart."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from uuid import uuid4

import pytest

from shelfport.adapters.http.wire import InitializeInventoryRequestBody
from shelfport.contracts.sandbox.store import Exists, Opened, Reused, SeedRecord, Store, status_of
from shelfport.domain.model import MAX_QUANTITY, StockStatus
from tests.contracts.sandbox_setup import IN_STOCK, LOW, OUT, SEED, UNKNOWN, StillClock


@pytest.fixture
def store(clock: StillClock) -> Iterator[Store]:
    opened = Store(None, clock)
    opened.open()
    opened.seed(SEED)
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("quantity", "threshold", "status"),
    [
        (0, 0, StockStatus.OUT_OF_STOCK),
        (0, 10, StockStatus.OUT_OF_STOCK),
        (1, 0, StockStatus.IN_STOCK),
        (10, 10, StockStatus.LOW_STOCK),
        (11, 10, StockStatus.IN_STOCK),
        (MAX_QUANTITY, MAX_QUANTITY, StockStatus.LOW_STOCK),
    ],
)
def test_status(quantity: int, threshold: int, status: StockStatus) -> None:
    """The status follows from quantity and threshold as the contract says."""
    assert status == status_of(quantity, threshold)


def test_levels(store: Store) -> None:
    """Levels come once for each variant that has a record."""
    levels = store.levels([LOW, UNKNOWN, OUT, LOW])

    assert {level.variant_id: level.available_quantity for level in levels} == {LOW: 5, OUT: 0}
    assert 2 == len(levels)


def test_initialize_outcomes(store: Store) -> None:
    """A key opens one record, repeats its answer, and is bound to its request."""
    key, request = uuid4(), InitializeInventoryRequestBody(UNKNOWN, 3)

    first = store.initialize(key, request)

    assert isinstance(first, Opened)
    assert first == store.initialize(key, request)
    assert Reused() == store.initialize(key, InitializeInventoryRequestBody(UNKNOWN, 4))
    level = store.level(UNKNOWN)
    assert level is not None
    assert Exists(level) == store.initialize(uuid4(), request)


def test_set_stock(store: Store, clock: StillClock) -> None:
    """New stock has a new instant, and keeps the threshold that it is not given."""
    clock.advance(5)

    assert store.set_stock(IN_STOCK, 50, 60).status == StockStatus.LOW_STOCK
    level = store.set_stock(IN_STOCK, 55)

    assert (55, StockStatus.LOW_STOCK, clock.now) == (
        level.available_quantity,
        level.status,
        level.updated_at,
    )


def test_unchanged_stock(store: Store, clock: StillClock) -> None:
    """Setting the stock that is there changes nothing, the instant included."""
    before = store.level(LOW)
    clock.advance(5)

    assert before == store.set_stock(LOW, 5)


def test_updated_at_never_goes_back(store: Store, clock: StillClock) -> None:
    """A clock that is set back leaves the later instant standing."""
    before = clock.now
    clock.advance(-60)

    assert before == store.set_stock(LOW, 4).updated_at


@pytest.mark.parametrize("quantity", [-1, MAX_QUANTITY + 1, 1.5, True, "7"])
def test_refuses_what_counts_no_units(store: Store, quantity: object) -> None:
    """Quantities are integers from 0 to the largest int32, in seeds as well."""
    with pytest.raises(ValueError, match=r"availableQuantity is .*: it must be an integer from 0"):
        store.set_stock(LOW, quantity)  # type: ignore[arg-type]  # the point of the test
    with pytest.raises(ValueError, match=r"lowStockThreshold is .*: it must be an integer from 0"):
        store.set_stock(LOW, 1, quantity)  # type: ignore[arg-type]  # the point of the test
    with pytest.raises(ValueError, match=r"available_quantity is .*: it must be an integer from 0"):
        SeedRecord(LOW, quantity)  # type: ignore[arg-type]  # the point of the test


def test_writes_are_whole(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that fails half way leaves neither a record nor a key."""
    key, request = uuid4(), InitializeInventoryRequestBody(UNKNOWN, 3)
    write = store._write

    def torn(*arguments: object) -> None:
        write(*arguments)  # type: ignore[arg-type]  # the point of the test
        raise sqlite3.OperationalError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(store, "_write", torn)
        with pytest.raises(sqlite3.OperationalError):
            store.initialize(key, request)

    assert store.level(UNKNOWN) is None
    assert isinstance(store.initialize(key, request), Opened)


def test_a_file_survives(tmp_path: Path, clock: StillClock) -> None:
    """Records and keys in a file are there after a restart, and the seed does not undo them."""
    key, request = uuid4(), InitializeInventoryRequestBody(UNKNOWN, 3)
    store = Store(tmp_path / "stock.db", clock)
    store.open()
    store.seed(SEED)
    first = store.initialize(key, request)
    store.set_stock(LOW, 77)
    store.close()

    store.open()
    store.seed(SEED)

    assert first == store.initialize(key, request)
    assert 4 == store.count()
    assert [77] == [level.available_quantity for level in store.levels([LOW])]
    store.close()


def test_wipe(store: Store) -> None:
    """Seeding with a wipe forgets every other record and every key."""
    key = uuid4()
    store.initialize(key, InitializeInventoryRequestBody(UNKNOWN, 3))

    store.seed(SEED, wipe=True)

    assert 3 == store.count()
    assert isinstance(store.initialize(key, InitializeInventoryRequestBody(UNKNOWN, 4)), Opened)


def test_foreign_files(tmp_path: Path) -> None:
    """A file that holds something else is refused in one sentence, and left as it is."""
    text = tmp_path / "notes.txt"
    text.write_text("Buy milk. " * 100)
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE note (text)")
    connection.close()

    for path in (text, other, tmp_path / "no" / "folder.db"):
        with pytest.raises(ValueError, match=f"^{path} .* sandbox store.*\\.$"):
            Store(path, lambda: datetime.now(UTC)).open()
    assert "Buy milk. " * 100 == text.read_text()


def test_clocks(tmp_path: Path) -> None:
    """A clock in another zone is written as UTC; a naive one is refused."""
    east = timezone(timedelta(hours=2))
    store = Store(None, lambda: datetime(2026, 3, 14, 11, tzinfo=east))
    store.open()
    assert datetime(2026, 3, 14, 9, tzinfo=UTC) == store.set_stock(LOW, 1).updated_at
    assert "UTC" == str(store.set_stock(LOW, 1).updated_at.tzinfo)
    store.close()

    naive = Store(None, lambda: datetime(2026, 3, 14))  # noqa: DTZ001 - the point of the test
    naive.open()
    with pytest.raises(ValueError, match="naive datetime"):
        naive.set_stock(LOW, 1)
    naive.close()
