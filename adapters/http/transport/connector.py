"""The pool of connections: which one a request goes over, and when a connection ends."""

import asyncio
from collections.abc import Callable
from functools import partial
from math import inf
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary, WeakSet

import aiohttp
import attrs

from shelfport.adapters.http.transport.tls.context import Tls

if TYPE_CHECKING:
    import ssl

    from aiohttp.client_proto import ResponseHandler
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace

_MAX_IDLE = 15.0
"""Seconds without a request after which a connection is closed, at the latest after twice that."""
_MAX_ADDRESS_AGE = 10.0
"""Seconds for which the address of a host name is kept. No new connection asks DNS in between, so
an outage of DNS as long as that is not felt."""
_SHORTEST_AGE = 0.9
"""The part of `max_age` that every connection lives at least. Connections that were opened together
end at different times, so that they are not all opened again at once."""


@attrs.define(eq=False)
class _Life:
    """The times of one connection, on the loop's clock."""

    ends: float
    """From then on it gets no new request."""
    idle_since: float | None = None
    """When its latest request ended; None while it has one."""


class Connector(aiohttp.TCPConnector):
    """Keeps connections for later requests, each for a bounded time.

    A connection ends `max_age` seconds after the start of its opening, or up to a tenth earlier: it
    gets no new request from then on. A request that is under way is not cut: its connection is
    closed when it is answered. When the TLS files have changed, the connections that were opened
    with the earlier ones end in the same way.

    A connection that has ended is closed with its last request, when a request comes across it, or
    by the idle timeout. There is no task or timer for it.

    Args:
        tls: the TLS context of new connections.
        max_age: seconds for which a connection gets new requests, at most.
        uniform: draws a number between two others: `random.uniform`.
    """

    def __init__(self, tls: Tls, max_age: float, uniform: Callable[[float, float], float]) -> None:
        super().__init__(
            # `ConcurrencyLimitLayer` limits the requests; a queue here would be invisible.
            limit=0,
            # A connection that is idle for `max_age` has ended.
            keepalive_timeout=min(_MAX_IDLE, max_age),
            # An address is kept no longer than a connection to it.
            ttl_dns_cache=int(min(_MAX_ADDRESS_AGE, max_age)),
        )
        self._tls = tls
        self._max_age = max_age
        self._uniform = uniform
        self._context: ssl.SSLContext | None = None
        """The TLS context that the latest request found."""
        self._lives: WeakKeyDictionary[ResponseHandler, _Life] = WeakKeyDictionary()
        self.over_kept: WeakKeyDictionary[aiohttp.ClientRequest, float] = WeakKeyDictionary()
        """Requests whose connection was kept, with the seconds that it was idle; none that is still
        connecting."""
        self.needs_new: WeakSet[aiohttp.ClientRequest] = WeakSet()
        """Requests whose kept connection was closed: they go over a new one."""

    async def connect(
        self, req: aiohttp.ClientRequest, traces: "list[Trace]", timeout: aiohttp.ClientTimeout
    ) -> "Connection":
        """See `BaseConnector.connect`."""
        self.over_kept.pop(req, None)
        # None were set. With an empty mapping here, aiohttp adds `Host` to it when it takes a
        # connection, and from then on `req` finds only connections that were made with it.
        req.proxy_headers = None
        if self._context is not self._tls.context:
            self._context = self._tls.context
            self._end_all()
        while True:
            now = asyncio.get_running_loop().time()  # a kept connection is there at once
            connection = await super().connect(req, traces, timeout)
            protocol = connection.protocol
            if protocol is None:
                return connection
            life = self._lives.get(protocol)
            if life is None:
                life = self._lives[protocol] = _Life(self._end_of_new(req, now))
            elif now < life.ends and req not in self.needs_new:
                self.over_kept[req] = now - (life.idle_since or now)
                life.idle_since = None
            else:
                # It has ended; or what closed the other kept connection has closed this one, too.
                # Nothing was sent over it, so a write takes another one as well as a read.
                connection.close()
                continue
            connection.add_callback(partial(_release_kept, protocol, life))
            return connection

    def _end_of_new(self, req: aiohttp.ClientRequest, began: float) -> float:
        """When the new connection of `req` ends, whose opening began at `began`."""
        if req.ssl is not self._tls.context:
            return began  # the TLS files have changed since: no other request goes over it
        return began + self._max_age * self._uniform(_SHORTEST_AGE, 1.0)

    def _end_all(self) -> None:
        """End every connection; the idle ones are closed at once."""
        for protocol, life in list(self._lives.items()):
            life.ends = -inf
            if life.idle_since is not None:
                protocol.close()


def _release_kept(protocol: "ResponseHandler", life: _Life) -> None:
    """Note that the connection's request is done; close the connection if it has ended."""
    now = asyncio.get_running_loop().time()
    if now < life.ends:
        life.idle_since = now
    else:
        protocol.force_close()
