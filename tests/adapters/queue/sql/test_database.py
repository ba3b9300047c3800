from importlib import util

import pytest

from shelfport.adapters.queue.sql.database import Postgres, Sqlite, database

SECRET = "s3cr3t"


@pytest.mark.parametrize(
    ("address", "kind", "place"),
    [
        ("sqlite:///queue.db", Sqlite, "sqlite:///queue.db"),
        ("sqlite:////var/lib/shop/queue.db", Sqlite, "sqlite:////var/lib/shop/queue.db"),
        ("sqlite+aiosqlite:///queue.db", Sqlite, "sqlite:///queue.db"),
        (f"postgresql://shop:{SECRET}@db/shop", Postgres, "postgresql://db:5432/shop"),
        (f"postgres://shop:{SECRET}@db:5433/shop", Postgres, "postgresql://db:5433/shop"),
        (f"postgresql+psycopg://s:{SECRET}@db/s?x=1", Postgres, "postgresql://db:5432/s"),
    ],
)
def test_addresses(address: str, kind: type, place: str) -> None:
    """Each database is known by its scheme, whichever driver a host's own address names."""
    found = database(address)

    assert (kind, place) == (type(found), found.place)
    assert SECRET not in repr(found)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        (f"mysql://shop:{SECRET}@db/shop", "begins with mysql: it must be sqlite:///PATH"),
        (f"://{SECRET}", "queue.url is no URL: it must be sqlite:///PATH"),
        (f"postgresql://shop:{SECRET}@db:port/shop", "queue.url is no URL"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "use sqlite:///PATH, or memory:"),
    ],
)
def test_what_is_no_address(address: str, words: str) -> None:
    """A wrong address is refused with a sentence that has no password in it."""
    with pytest.raises(ValueError, match=words) as caught:
        database(address)

    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("address", "extra"), [("sqlite:///q.db", "sqlite"), ("postgresql://db/shop", "postgres")]
)
def test_a_missing_extra(address: str, extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the driver one sentence names the extra that installs it."""
    monkeypatch.setattr("shelfport.adapters.queue.sql.database.find_spec", lambda _: None)

    with pytest.raises(ValueError, match=rf"pip install 'shelfport\[{extra}\]'"):
        database(address)
    assert util.find_spec("aiosqlite") is not None
