"""The Inventory Service of the benchmarks: as cheap as possible, so that clients dominate.

It knows every variant there could be, and answers `GET /inventory?productVariantIds=…` and
`GET /inventory/{id}` as inventory-service.yaml says. The path before `/inventory` is a name under
which it counts; with `/slow` in it, answers come after 5 ms, with `/moody` as `/mood/{mood}` set
it. `/came` tells, and forgets, how many requests and ids came, and how many ids came again.
"""

import asyncio
import json
import sys
from collections import Counter, defaultdict

from benchmarks.surroundings import SERVICE_CORE, alone_on

DELAY = 0.005
"""Seconds before `/slow` answers."""
AWAKE = 0.001
"""Seconds after a request during which the loop does not sleep."""

_STATUSES = ("IN_STOCK", "LOW_STOCK", "OUT_OF_STOCK")
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"


class Awake:
    """Keeps the loop awake for a moment after each request, as if other clients sent requests.

    A sleeping core takes about as long to wake as a request takes, and the time varies. The loop
    still sleeps after that moment: a process that never sleeps gets a shared core last.
    """

    def __init__(self) -> None:
        self._until = 0.0
        self._spins = False

    def stay(self) -> None:
        """Stay awake after a request."""
        loop = asyncio.get_running_loop()
        self._until = loop.time() + AWAKE
        if not self._spins:
            self._spins = True
            loop.call_soon(self._spin, loop)

    def _spin(self, loop: asyncio.AbstractEventLoop) -> None:
        self._spins = loop.time() < self._until
        if self._spins:
            loop.call_soon(self._spin, loop)


class Book:
    """The requests since the last report, and the mood."""

    def __init__(self) -> None:
        self.mood = "answer"
        self.awake = Awake()
        self._requests: Counter[str] = Counter()
        self._ids: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def note(self, name: str, ids: list[str]) -> None:
        """Count a request for `ids` under `name`."""
        self._requests[name] += 1
        self._ids[name].update(ids)

    def tell(self) -> bytes:
        """The counts as JSON; resets them."""
        counts = {
            name: {
                "requests": requests,
                "ids": self._ids[name].total(),
                "repeated": self._ids[name].total() - len(self._ids[name]),
            }
            for name, requests in self._requests.items()
        }
        self._requests.clear()
        self._ids.clear()
        return json.dumps(counts).encode()


def level(variant: str) -> str:
    """The level of a variant, as text: another one for another id, the same for the same."""
    number = int(variant[:4], 16)
    status = _STATUSES[number % 3]
    quantity = 0 if status == "OUT_OF_STOCK" else number % 500 + 1
    return (
        f'{{"productVariantId":"{variant}","availableQuantity":{quantity},'
        f'"status":"{status}","updatedAt":"2026-11-24T10:15:{number % 60:02d}.123Z"}}'
    )


class Connection(asyncio.Protocol):
    """One keep-alive connection; requests have no body, and arrive one after the other."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport for the answers."""
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]  # TCP's is one

    def data_received(self, data: bytes) -> None:
        """Answer each request whose head is complete."""
        self._book.awake.stay()
        self._buffer += data
        while b"\r\n\r\n" in self._buffer:
            head, self._buffer = self._buffer.split(b"\r\n\r\n", 1)
            self._answer(head.split(b" ", 2)[1].decode())

    def _answer(self, target: str) -> None:
        if target == "/came":
            self._send(self._book.tell())
        elif target.startswith("/mood/"):
            self._book.mood = target.removeprefix("/mood/")
            self._send(b"{}")
        else:
            self._levels(*target.split("/inventory", 1))

    def _levels(self, name: str, rest: str) -> None:
        many = rest.startswith("?")
        ids = rest.removeprefix("?productVariantIds=").removeprefix("/")
        wanted = ids.replace("%2C", ",").split(",")
        self._book.note(name, wanted)
        if "/moody" in name and self._book.mood == "hang":
            return
        body = ",".join(map(level, wanted))
        answer = (f"[{body}]" if many else body).encode()
        if "/slow" in name:
            asyncio.get_running_loop().call_later(DELAY, self._send, answer)
        else:
            self._send(answer)

    def _send(self, body: bytes) -> None:
        self._transport.write(_HEAD % (len(body), body))


async def serve() -> None:
    """Listen on a free port, print it, and serve until standard input ends."""
    loop = asyncio.get_running_loop()
    book = Book()
    server = await loop.create_server(lambda: Connection(book), "127.0.0.1", 0, backlog=8192)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    alone_on(SERVICE_CORE)
    asyncio.run(serve())
