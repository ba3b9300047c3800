"""`RedisClient`: runs scripts on Redis; every failure is a `SharedCacheUnavailable`."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from types import TracebackType
from typing import Any, Self, TypeVar

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, OutOfMemoryError, ReadOnlyError, RedisError
from yarl import URL

from shelfport.adapters.layers.shared_cache.options import SharedCacheOptions
from shelfport.adapters.redis.scripts import Script
from shelfport.adapters.runtime.loopback import is_loopback
from shelfport.adapters.runtime.secret_address import (
    mask_password,
    password_of,
    place_of,
    scheme_of,
)
from shelfport.ports.shared_store import SharedCacheFull, SharedCacheUnavailable

T = TypeVar("T")

_SILENCE = 2.0
"""Seconds without a message on the channel after which the client sends a PING."""


class RedisClient:
    """Connections to one Redis, open while entered. Constructing and entering it does no I/O.

    The client calls a script by its checksum; a server that does not know it, such as a restarted
    one, gets the text once. A connection that broke while it was idle is replaced before it is
    used; no command is sent twice.
    """

    def __init__(self, options: SharedCacheOptions) -> None:
        if options.url is None:
            raise ValueError("shared_cache.url is not set: set it to the URL of Redis")
        self._options = options
        self._url = options.url
        self._password = password_of(options.url)
        self._secured = scheme_of(options.url) == "rediss"
        self.address = f"{scheme_of(options.url)}://{place_of(options.url, 6379)}"
        """The address without credentials, for messages."""
        self.sends_password_in_the_clear = (
            URL(options.url.get_secret_value()).password is not None
            and not self._secured
            and not is_loopback(URL(options.url.get_secret_value()).host)
        )
        """Whether the password crosses a network without TLS."""
        self._redis: Redis | None = None
        self._pool: BlockingConnectionPool | None = None

    def __repr__(self) -> str:
        return f"RedisClient({self.address})"

    async def __aenter__(self) -> Self:
        tls: dict[str, Any] = {}
        if self._secured and self._options.ca_file is not None:
            tls["ssl_ca_certs"] = self._options.ca_file
        self._pool = BlockingConnectionPool.from_url(
            self._url.get_secret_value(),
            max_connections=self._options.max_connections,
            # `SharedCacheClient` bounds every wait. This ends the wait for a free connection;
            # sockets need no timeout of their own.
            timeout=self._options.timeout,
            socket_timeout=None,
            socket_connect_timeout=None,
            # After a failure it is unknown whether a script ran; the next page does a new lookup.
            retry=Retry(NoBackoff(), 0),
            # RESP2 is enough here, and connecting takes one round trip less than with RESP3.
            protocol=2,
            driver_info=None,
            **tls,
        )
        self._redis = Redis(connection_pool=self._pool)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        redis, self._redis = self._redis, None
        pool, self._pool = self._pool, None
        if redis is not None:
            await redis.aclose()
        if pool is not None:
            await pool.aclose()

    async def run(
        self, script: Script, keys: Sequence[str], args: Sequence[bytes | str | int]
    ) -> Any:
        """Run `script` for `keys`, in one round trip once the server knows the script.

        Raises:
            SharedCacheUnavailable: the server was not reached, or refused the command.
        """
        with self._translated():
            redis = self._opened(self._redis)
            try:
                return await redis.evalsha(script.sha, len(keys), *keys, *args)
            except NoScriptError:
                return await redis.eval(script.text, len(keys), *keys, *args)
            except ReadOnlyError:
                # The server is no longer the primary: connect anew, and resolve the name anew.
                await self._opened(self._pool).disconnect(inuse_connections=False)
                raise

    async def ping(self) -> None:
        """Return if the server answers.

        Raises:
            SharedCacheUnavailable: it does not.
        """
        with self._translated():
            await self._opened(self._redis).ping()

    @asynccontextmanager
    async def messages(self, channel: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """Receive what is published on `channel` from now on, until the connection is lost.

        redis-py's own `PubSub` is not used: it reconnects by itself, and hides the gap.

        Raises:
            SharedCacheUnavailable: the server was not reached, refused the command, or stopped
                answering.
        """
        pool = self._opened(self._pool)
        connection: AbstractConnection = pool.connection_class(**pool.connection_kwargs)
        try:
            with self._translated():
                async with asyncio.timeout(_SILENCE):
                    await connection.connect()  # type: ignore[no-untyped-call]  # redis-py's
                    await connection.send_command("SUBSCRIBE", channel)
                    await connection.read_response()
            yield self._received(connection)
        finally:
            await connection.disconnect(nowait=True)

    async def _received(self, connection: AbstractConnection) -> AsyncIterator[bytes]:
        pinged = False
        while True:
            with self._translated():
                reply = await connection.read_response(timeout=_SILENCE)
            if reply is not None:
                pinged = False
                if reply[0] == b"message":
                    yield reply[2]
            elif pinged:
                raise SharedCacheUnavailable(f"Redis at {self.address} does not answer")
            else:
                pinged = True
                with self._translated():
                    await connection.send_command("PING")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OutOfMemoryError as error:
            raise SharedCacheFull(self._sentence(error)) from error
        except TimeoutError as error:
            raise SharedCacheUnavailable(
                f"Redis at {self.address} did not answer in time"
            ) from error
        except (RedisError, OSError) as error:
            raise SharedCacheUnavailable(self._sentence(error)) from error

    def _sentence(self, error: Exception) -> str:
        message = mask_password(str(error), self._password) or type(error).__name__
        return f"Redis at {self.address}: {message}"

    @staticmethod
    def _opened(part: T | None) -> T:
        if part is None:
            raise RuntimeError("this RedisClient is not open: use it inside `async with`")
        return part
