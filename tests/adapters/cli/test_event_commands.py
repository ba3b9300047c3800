"""`events`: what the command says before there is a bus; with one, see tests/services/events."""

import pytest

from shelfport.adapters.cli.event_commands import say
from tests.adapters.cli.conftest import Shelfport
from tests.faults.servers import closed_port
from tests.support.values import LOW, an_event, an_id


@pytest.mark.parametrize("command", ["listen", "replay"])
async def test_without_a_bus_it_is_asked_for(call_shelfport: Shelfport, command: str) -> None:
    """Without a bus the command asks where it is, and says how to tell."""
    done = await call_shelfport("events", command)

    assert (2, "") == (done.code, done.out)
    assert "where is the bus? Give --events, or set SHELFPORT_EVENTS_URL" in done.err


@pytest.mark.parametrize("arguments", [("events", "listen"), ("events", "replay"), ("sandbox",)])
async def test_a_bus_that_is_none(call_shelfport: Shelfport, arguments: tuple[str, ...]) -> None:
    """An address of no bus is bad use, in one sentence that does not quote a password."""
    done = await call_shelfport(*arguments, "--events", "ftp://me:secret@bus")

    assert 2 == done.code
    assert "no address of a bus: it must begin with one of amqp://" in done.err
    assert "secret" not in done.err


async def test_a_bus_that_is_away_replays_nothing(call_shelfport: Shelfport) -> None:
    """Where nobody listens, a replay says so and ends with 1."""
    url = f"redis://127.0.0.1:{closed_port()}/0"
    done = await call_shelfport("events", "replay", SHELFPORT_EVENTS_URL=url)

    assert (1, "") == (done.code, done.out)
    assert "after 0 dead letters: ConnectionError" in done.err


def test_an_event_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """An event is a line for people, or a JSON document on one line."""
    event = an_event(LOW, an_id(7), event_id=an_id(8))
    say(event, as_json=False)
    say(event, as_json=True)
    line, document = capsys.readouterr().out.splitlines()

    assert f"2026-01-01T00:00:00+00:00  Stock is low   {an_id(7)}" == line
    assert (
        f'{{"eventId":"{an_id(8)}","type":"InventoryLowStockEvent","productVariantId":"{an_id(7)}"'
        ',"status":"LOW_STOCK","timestamp":"2026-01-01T00:00:00+00:00","schema":1}'
    ) == document
