"""Kept connections over which no answer comes any more, on real sockets."""

import asyncio
import gc
import json
import socket

import pytest

from shelfport.adapters.http.transport import session as session_module
from shelfport.adapters.http.transport.connector import Connector
from shelfport.errors import FaultScope, ReachedService, TimedOut
from tests.adapters.http.conftest import Facts, facts_of
from tests.adapters.http.transport.kept_connections import (
    IMPATIENT,
    KEPT,
    REQUESTS,
    A,
    RequestOnce,
    Server,
    a_session,
    adapter,
    forget,
    get,
    keep,
    read_one,
    running,
)
from tests.support.servers import wire_level
from tests.support.waiting import until

FORGOTTEN: Facts = (TimedOut, FaultScope.PROCESS, ReachedService.UNKNOWN)
SLOW: Facts = (TimedOut, FaultScope.SERVICE, ReachedService.UNKNOWN)


@pytest.fixture
def any_idleness(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kept connection may be forgotten, however short it was idle."""
    monkeypatch.setattr(session_module, "FORGOTTEN_AFTER", 0.0)


@REQUESTS
@pytest.mark.usefixtures("any_idleness")
async def test_forgotten_connections_cost_one_timeout(request_once: RequestOnce) -> None:
    """After one timeout over a forgotten connection, the next request goes over a new one."""
    async with running() as server, adapter(server, IMPATIENT) as port:
        await keep(port, server)
        server.trouble = forget

        with pytest.raises(TimedOut, match="gave no answer within") as info:
            await request_once(port)
        await request_once(port)

        assert FORGOTTEN == facts_of(info.value)
        assert [True, False] == [number <= KEPT for number, _ in server.requests]
        assert KEPT + 1 == server.connections


async def test_a_connection_that_was_idle_for_a_second() -> None:
    """A timeout over a connection that was idle for a second is not the service's fault."""
    async with running() as server, adapter(server, IMPATIENT) as port:
        await keep(port, server, 2)
        server.trouble = forget
        await asyncio.sleep(1.01)

        with pytest.raises(TimedOut) as info:
            await read_one(port)
        await read_one(port)

        assert FORGOTTEN == facts_of(info.value)
        assert [True, False] == [number <= 2 for number, _ in server.requests]


@REQUESTS
async def test_a_connection_that_was_just_used(
    request_once: RequestOnce, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A timeout over a connection that was just used is the service's, and drops no other one."""
    monkeypatch.setattr(session_module, "FORGOTTEN_AFTER", 60.0)
    async with running() as server, adapter(server, IMPATIENT) as port:
        await keep(port, server, 2)
        server.trouble = forget

        with pytest.raises(TimedOut) as info:
            await request_once(port)
        server.old = 0
        await request_once(port)

        assert SLOW == facts_of(info.value)
        assert 2 == server.connections


async def test_idleness_begins_with_the_end_of_an_answer() -> None:
    """The time for which the service worked on the request before is no idleness."""
    async with running() as server, a_session() as session:
        sending = session.sending()
        connector = sending.session.connector
        assert isinstance(connector, Connector)
        server.answers.clear()
        slow = asyncio.create_task(get(session, sending, server.url))
        await asyncio.sleep(0.3)
        answered = asyncio.get_running_loop().time()
        server.answers.set()
        await slow

        server.answers.clear()
        second = asyncio.create_task(get(session, sending, server.url))
        await until(lambda: len(server.requests) == 2)
        [idle] = connector.over_kept.values()

        assert 0 <= idle <= asyncio.get_running_loop().time() - answered
        server.answers.set()
        await second


@pytest.mark.usefixtures("any_idleness")
async def test_timeouts_at_the_same_time_drop_the_connections_once() -> None:
    """Requests that time out together over forgotten connections leave the new ones alone."""
    async with running() as server, adapter(server, IMPATIENT) as port:
        await keep(port, server)
        server.trouble = forget

        outcomes = await asyncio.gather(
            *(read_one(port) for _ in range(KEPT)), return_exceptions=True
        )
        await read_one(port)
        await read_one(port)

        assert [FaultScope.PROCESS] * KEPT == [e.scope for e in outcomes if isinstance(e, TimedOut)]
        assert KEPT + 1 == server.connections


@pytest.mark.parametrize("kept", [0, 1])
@pytest.mark.usefixtures("any_idleness")
async def test_a_timeout_over_a_new_connection(kept: int) -> None:
    """A timeout over a new connection is the service's fault, also after a kept one broke."""
    async with running() as server, adapter(server, IMPATIENT) as port:
        await keep(port, server, kept)
        server.answers.clear()

        with pytest.raises(TimedOut) as info:
            await read_one(port)
        server.answers.set()

    assert SLOW == facts_of(info.value)
    assert kept + 1 == len(server.requests)


@pytest.mark.usefixtures("any_idleness")
async def test_a_timeout_while_connecting_after_a_kept_connection_broke() -> None:
    """A new connection that is not made in time is not this process's fault."""
    server = Server()
    listening = await asyncio.start_server(server.converse, "127.0.0.1", 0)
    address = listening.sockets[0].getsockname()
    server.url = f"http://127.0.0.1:{address[1]}"
    full = socket.socket()
    waiting = [socket.socket() for _ in range(4)]

    async def fill_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Listen at the same port, accept nothing, and fill the backlog."""
        listening.close()
        full.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        full.bind(address)
        full.listen(0)
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(address)
        writer.transport.abort()

    server.trouble = fill_up
    try:
        async with adapter(server, IMPATIENT) as port:
            await keep(port, server, 1)

            with pytest.raises(TimedOut) as info:
                await read_one(port)
    finally:
        for one in (full, *waiting):
            one.close()

    assert SLOW == facts_of(info.value)


@pytest.mark.usefixtures("any_idleness")
async def test_a_silent_body_over_a_kept_connection() -> None:
    """Once an answer has begun, its timeout is the service's fault: the connection is alive."""

    async def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n{")
        await reader.read()

    async with running() as server, adapter(server, IMPATIENT) as port:
        await keep(port, server, 2)
        server.trouble = begin

        with pytest.raises(TimedOut) as info:
            await read_one(port)
        server.old = 0
        await read_one(port)

    assert FaultScope.SERVICE is info.value.scope
    assert 2 == server.connections


async def test_requests_in_flight_go_on() -> None:
    """A request in flight over an old connection is answered after the others were dropped."""
    async with running() as server, a_session() as session:
        server.answers.clear()
        sending = session.sending()
        in_flight = asyncio.create_task(get(session, sending, server.url))
        await until(lambda: len(server.requests) == 1)

        await session.drop_kept_connections(sending)
        later = asyncio.create_task(get(session, session.sending(), server.url))
        await until(lambda: len(server.requests) == 2)
        server.answers.set()

        assert json.loads(await in_flight) == json.loads(await later) == wire_level(A)
        assert 2 == server.connections


async def test_a_late_timeout_over_an_old_connection_leaves_the_new_ones() -> None:
    """Two timeouts over connections of the same time drop those connections, and no later ones."""
    async with running() as server, a_session() as session:
        sending = session.sending()
        await get(session, sending, server.url)
        await session.drop_kept_connections(sending)
        await get(session, session.sending(), server.url)

        await session.drop_kept_connections(sending)
        await get(session, session.sending(), server.url)

        assert [1, 2, 2] == [number for number, _ in server.requests]


async def test_nothing_leaks_when_connections_are_forgotten_many_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Connections that were dropped are closed once no request can be in flight over them."""
    monkeypatch.setattr(session_module, "_LONGEST_REQUEST", 0.0)
    async with running() as server, a_session() as session:
        for _ in range(50):
            sending = session.sending()
            await asyncio.gather(*(get(session, sending, server.url) for _ in range(4)))
            await session.drop_kept_connections(sending)
            await until(lambda: len(server.open) <= 4)

        assert 200 == server.connections
    await until(lambda: not server.open)


async def test_connections_that_were_dropped_are_closed_at_the_end() -> None:
    """Closing the session closes the connections that it has dropped before, too."""
    async with running() as server:
        async with a_session() as session:
            for _ in range(5):
                sending = session.sending()
                await get(session, sending, server.url)
                await session.drop_kept_connections(sending)
            assert 5 == len(server.open)
        await until(lambda: not server.open)


async def test_requests_that_ended_are_not_remembered() -> None:
    """What the connector knows of requests and connections ends with them."""
    async with running() as server, a_session() as session:
        sending = session.sending()
        connector = sending.session.connector
        assert isinstance(connector, Connector)
        for _ in range(20):
            await get(session, sending, server.url)
            server.old = server.connections
            await get(session, sending, server.url)
        gc.collect()

        assert (0, 0) == (len(connector.over_kept), len(connector.needs_new))
        assert len(connector._lives) <= 2
