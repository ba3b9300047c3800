"""A service over TLS that sends alerts as nginx does; asyncio's servers do not send them."""

import socket
import ssl
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import trustme

from tests.support.servers import wire_level
from tests.support.values import an_id

BODY = msgspec.json.encode(wire_level(an_id(1)))
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)


class TlsService:
    """Answers each request with the stock of variant 1; `context` may be changed any time."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.context = context
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}"
        self._open: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.hang_up()
        for thread in self._threads:
            thread.join()

    def hang_up(self) -> None:
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.add(connection)
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            try:
                secured = self.context.wrap_socket(
                    connection, server_side=True, do_handshake_on_connect=False
                )
                secured.do_handshake()
            except ssl.SSLError:
                # Closed over unread bytes, a socket resets the connection, and the alert is lost.
                secured.setblocking(True)
                _drain(secured)
                raise
            self._open.discard(connection)
            self._open.add(secured)
            with secured:
                self.connections += 1
                received = b""
                while came := secured.recv(4096):
                    received += came
                    while b"\r\n\r\n" in received:
                        received = received.partition(b"\r\n\r\n")[2]
                        secured.sendall(ANSWER)


def _drain(secured: ssl.SSLSocket) -> None:
    """Say that nothing more comes, and read what does, past TLS, to its end."""
    plain = socket.socket(fileno=secured.detach())
    with plain, suppress(OSError):
        plain.shutdown(socket.SHUT_WR)
        while plain.recv(4096):
            pass


def server_context(
    certificate: trustme.LeafCert,
    *,
    clients: trustme.CA | None = None,
    newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
) -> ssl.SSLContext:
    """A server's context; with `clients` it wants a certificate that this authority issued."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        clients.configure_trust(context)
    if newest < ssl.TLSVersion.TLSv1_2:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = newest
            context.maximum_version = newest
            context.set_ciphers("ALL:@SECLEVEL=0")
    else:
        context.maximum_version = newest
    return context


@contextmanager
def tls_serving(context: ssl.SSLContext) -> Iterator[TlsService]:
    service = TlsService(context)
    try:
        yield service
    finally:
        service.close()


def written(folder: Path, name: str, *blobs: trustme.Blob) -> str:
    """A file of PEM, replaced in one step as orchestrators do it; its path."""
    path, new = folder / name, folder / f".{name}.new"
    new.write_bytes(b"".join(blob.bytes() for blob in blobs))
    new.replace(path)
    return str(path)
