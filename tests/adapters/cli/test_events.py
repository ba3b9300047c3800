"""`events` without a bus; with a real bus: tests/services/events."""

from uuid import UUID

import pytest

from shelfport.adapters.cli.events import print_event
from tests.adapters.cli.conftest import Shelfport
from tests.faults.servers import closed_port
from tests.support.values import LOW, an_event, an_id


@pytest.mark.parametrize("command", ["listen", "replay"])
async def test_without_an_address(call_shelfport: Shelfport, command: str) -> None:
    """Without the address of a bus, one sentence names the option and the variable."""
    done = await call_shelfport("events", command)

    assert (2, "") == (done.code, done.out)
    assert "events.url is not set: give --events, or set SHELFPORT_EVENTS_URL" in done.err


@pytest.mark.parametrize("arguments", [("events", "listen"), ("events", "replay"), ("sandbox",)])
async def test_an_invalid_address(call_shelfport: Shelfport, arguments: tuple[str, ...]) -> None:
    """An invalid address is one sentence that does not quote a password."""
    done = await call_shelfport(*arguments, "--events", "ftp://me:secret@bus")

    assert 2 == done.code
    assert "no address of a bus: it must begin with one of amqp://" in done.err
    assert "secret" not in done.err


async def test_replay_without_a_connection(call_shelfport: Shelfport) -> None:
    """If the bus is unreachable, `replay` prints one sentence and ends with 1."""
    url = f"redis://127.0.0.1:{closed_port()}/0"
    done = await call_shelfport("events", "replay", SHELFPORT_EVENTS_URL=url)

    assert (1, "") == (done.code, done.out)
    assert "after 0 dead letters: ConnectionError" in done.err


def test_an_event_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """An event is one line of text, or a JSON document on one line."""
    event = an_event(LOW, an_id(7), event_id=UUID(int=8))
    print_event(event, None, as_json=False)
    print_event(event, None, as_json=True)
    line, document = capsys.readouterr().out.splitlines()

    assert f"2026-01-01T00:00:00+00:00  Stock is low   {an_id(7)}" == line
    assert (
        f'{{"eventId":"{an_id(8)}","type":"InventoryLowStockEvent","productVariantId":"{an_id(7)}"'
        ',"hostId":null,"status":"LOW_STOCK","timestamp":"2026-01-01T00:00:00+00:00","schema":1}'
    ) == document


def test_an_event_has_the_hosts_id(capsys: pytest.CaptureFixture[str]) -> None:
    """A line of text has the host's id; the JSON document has both ids."""
    event = an_event(LOW, an_id(7))
    print_event(event, "SCARF-BLUE", as_json=False)
    print_event(event, "SCARF-BLUE", as_json=True)
    line, document = capsys.readouterr().out.splitlines()

    assert line.endswith("  Stock is low   SCARF-BLUE")
    assert f'"productVariantId":"{an_id(7)}","hostId":"SCARF-BLUE"' in document
