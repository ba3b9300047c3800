"""How long connections get new requests, on real sockets."""

import asyncio
import random
import socket
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from shelfport.adapters.http.transport import session as session_module
from shelfport.adapters.http.transport.session import Session
from shelfport.http import HttpInventory
from shelfport.options import HttpOptions
from tests.adapters.http.transport.kept_connections import (
    KEPT,
    PATIENT,
    A,
    Server,
    a_session,
    adapter,
    get,
    keep,
    read_one,
    running,
)
from tests.support.clocks import ManualClock
from tests.support.waiting import until

Uniform = Callable[[float, float], float]


def lasting(seconds: float) -> HttpOptions:
    return attrs.evolve(PATIENT, max_connection_age=seconds)


def always(drawn: float) -> Uniform:
    """Draws `drawn`, so that connections end long before the idle timeout closes them."""
    return lambda low, high: drawn


async def ask(session: Session, server: Server, method: str = "GET") -> int:
    """Send one request; the number of the connection that it went over."""
    sending = session.sending(write=method == "POST")
    async with session.request(
        method, f"{server.url}/inventory/{A}", sending, headers={}, seconds=10, data=b""
    ) as response:
        await response.read()
    return server.requests[-1][0]


async def test_the_age_counts_from_the_opening() -> None:
    """A connection that is in use all the time gets new requests for its age, and no longer."""
    age = 0.2
    clock = asyncio.get_running_loop().time
    first_ended: dict[int, float] = {}
    last_began: dict[int, float] = {}
    async with running() as server, a_session(lasting(age), uniform=always(1.0)) as session:
        while len(first_ended) < 4:
            began = clock()
            number = await ask(session, server)
            first_ended.setdefault(number, clock())
            last_began[number] = began
            assert clock() < first_ended[number] + age + 5, "the connection does not end"

    assert all(last_began[number] - first_ended[number] < age for number in first_ended)


async def test_the_age_counts_while_idle() -> None:
    """A connection that became too old without requests gets none."""
    async with running() as server, a_session(lasting(10), uniform=always(0.01)) as session:
        assert 1 == await ask(session, server)
        await asyncio.sleep(0.11)

        assert 2 == await ask(session, server)
        await until(lambda: len(server.open) == 1)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_nothing_is_sent_over_a_connection_that_is_too_old(method: str) -> None:
    """A read and a write take a new connection before anything is sent over the old one."""
    async with running() as server, a_session(lasting(10), uniform=always(0.01)) as session:
        await ask(session, server)
        server.old = 1  # and hangs up on a request
        await asyncio.sleep(0.11)
        server.requests.clear()

        assert 2 == await ask(session, server, method)
        assert 1 == len(server.requests)


async def test_a_request_under_way_is_not_cut() -> None:
    """A request is answered although its connection became too old, which is closed after it."""
    async with running() as server, a_session(lasting(0.1)) as session:
        server.answers.clear()
        slow = asyncio.create_task(ask(session, server))
        await asyncio.sleep(0.25)
        assert (1, 1) == (len(server.open), len(server.requests))
        server.answers.set()

        assert 1 == await slow
        await until(lambda: not server.open, seconds=1)
        assert 2 == await ask(session, server)


async def test_a_draw_for_each_connection() -> None:
    """Each connection lives up to a tenth less, by a draw of its own, made once."""
    drawn: list[tuple[float, float]] = []

    def uniform(low: float, high: float) -> float:
        drawn.append((low, high))
        return [0.01, 1.0][len(drawn) - 1]

    async with running() as server, a_session(lasting(10), uniform=uniform) as session:
        await asyncio.gather(ask(session, server), ask(session, server))
        await asyncio.sleep(0.11)

        assert [2, 2, 2] == [await ask(session, server) for _ in range(3)]
    assert [(0.9, 1.0)] * 2 == drawn


async def test_idle_connections_are_closed() -> None:
    """Connections that became too old are closed although no request takes them."""
    async with running() as server, adapter(server, lasting(0.1)) as port:
        await keep(port, server)
        assert KEPT == len(server.open)

        await until(lambda: not server.open, seconds=2)


async def test_connections_under_load() -> None:
    """Under load few connections are open, each is replaced when it ends, and no read fails."""
    most = 0

    async def visit(port: HttpInventory, server: Server) -> None:
        nonlocal most
        while server.connections < 6 * KEPT:
            await read_one(port)
            most = max(most, len(server.open))

    async with running() as server, adapter(server, lasting(0.1)) as port:
        await asyncio.gather(*(visit(port, server) for _ in range(KEPT)))

    # A connection that the client has closed is open here until the server has read that.
    assert KEPT <= most <= 2 * KEPT


async def test_connections_that_open_together_end_at_different_times() -> None:
    """The connections of one burst are not all replaced at once."""
    ends: list[float] = []

    def uniform(low: float, high: float) -> float:
        ends.append(random.uniform(low, high) * 30)
        return ends[-1] / 30

    async with running() as server, a_session(uniform=uniform) as session:
        await asyncio.gather(*(ask(session, server) for _ in range(50)))

    in_the_same_second = [sum(now <= end < now + 1 for end in ends) for now in (27, 28, 29)]
    assert (50, True) == (len(ends), max(in_the_same_second) < 40)


async def test_a_timeout_after_a_connection_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that took a new connection in place of one that ended went over no kept one."""
    monkeypatch.setattr(session_module, "FORGOTTEN_AFTER", 0.0)
    async with running() as server, a_session(lasting(10), uniform=always(0.01)) as session:
        await ask(session, server)
        await asyncio.sleep(0.11)
        server.answers.clear()
        sending = session.sending()

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await get(session, sending, server.url)

        server.answers.set()
        assert [1, 2] == [number for number, _ in server.requests]
        assert not sending.lost_connection


async def test_over_a_proxy(monkeypatch: pytest.MonkeyPatch, clock: ManualClock) -> None:
    """A connection to a proxy ends as one to the service does."""
    options = attrs.evolve(lasting(0.5), trust_env=True)
    async with running() as server:
        monkeypatch.setenv("http_proxy", server.url)
        async with HttpInventory("http://inventory.invalid", clock=clock, options=options) as port:
            while server.connections < 3:
                await read_one(port)
        assert all(b"GET http://inventory.invalid/" in head for _, head in server.requests)


class Names:
    """Resolves `inventory.test` to `address`."""

    def __init__(self) -> None:
        self.address = "127.0.0.1"
        self.resolved = 0

    def getaddrinfo(self, host: str, *arguments: Any, **options: Any) -> Any:
        if host != "inventory.test":
            return _getaddrinfo(host, *arguments, **options)
        self.resolved += 1
        return _getaddrinfo(self.address, *arguments, **options)


_getaddrinfo = socket.getaddrinfo


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    found = Names()
    monkeypatch.setattr(socket, "getaddrinfo", found.getaddrinfo)
    return found


async def test_a_service_that_moves(names: Names) -> None:
    """When the name points to another host, the old one gets no request after the age."""
    age = 0.2
    clock = asyncio.get_running_loop().time
    async with running() as old:
        port = int(old.url.rsplit(":", 1)[1])
        url = f"http://inventory.test:{port}"
        async with running(address=("127.0.0.2", port)) as new, a_session(lasting(age)) as session:
            await get(session, session.sending(), url)
            names.address = "127.0.0.2"
            moved = clock()
            while clock() < moved + age:
                await get(session, session.sending(), url)
            asked = len(old.requests)
            for _ in range(10):
                await get(session, session.sending(), url)

    assert (asked, True) == (len(old.requests), len(new.requests) >= 10)


@pytest.mark.parametrize(("age", "resolved"), [(30.0, 1), (0.1, 3)])
async def test_addresses_are_kept_no_longer_than_connections(
    names: Names, age: float, resolved: int
) -> None:
    """New connections share an address for 10 seconds, and less if connections live shorter."""
    async with running() as server, a_session(lasting(age), uniform=always(0.0)) as session:
        url = server.url.replace("127.0.0.1", "inventory.test")
        for _ in range(3):
            await get(session, session.sending(), url)
            await asyncio.sleep(0.01)

    assert (3, resolved) == (server.connections, names.resolved)
