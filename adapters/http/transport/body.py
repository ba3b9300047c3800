"""Reads the body of an answer up to a limit, before and after decompression.

aiohttp decompresses every encoding that is installed (brotli, zstd), in some releases without a
limit. So its decompression is off, and this module reads gzip, which the requests ask for.
"""

import zlib
from typing import Final

import aiohttp
from aiohttp import hdrs

GZIP: Final = "gzip"
"""The `Accept-Encoding` of every request; another `Content-Encoding` is refused."""
_ALSO_GZIP: Final = (GZIP, "x-gzip")
"""Two names of one encoding (RFC 9110 §8.4.1.3)."""
_GZIP_WINDOW = 16 + zlib.MAX_WBITS
_PIECE = 2048
"""How many bytes are decompressed at once. At the end of a gzip member zlib copies what is left of
them, so this bounds the cost of a body of many short members: it is linear in its length."""


class BadBody(Exception):
    """A body is too long, or cannot be decompressed; the message says which."""


class BodyTooLong(BadBody):
    """A body is longer than it may be."""


class Content:
    """A body while it is read. Its `repr` does not show it: it may hold a token."""

    def __init__(self, max_bytes: int, *, compressed: bool) -> None:
        self._max_bytes = max_bytes
        self._received = 0
        self._parts = bytearray()
        self._gzip = _new_member() if compressed else None

    def __bytes__(self) -> bytes:
        return bytes(self._parts)

    @property
    def too_long(self) -> bool:
        """Whether the body has more than `max_bytes`, before or after decompression."""
        return max(self._received, len(self._parts)) > self._max_bytes

    @property
    def complete(self) -> bool:
        """Whether a compressed body ends where a gzip member of it ends."""
        return self._gzip is None or self._gzip.eof

    def add(self, chunk: bytes) -> None:
        """Append a chunk, decompressed up to one byte over the limit.

        Raises:
            zlib.error: it is not gzip.
        """
        self._received += len(chunk)
        if self._gzip is None:
            self._parts += chunk[: self._room]
            return
        for start in range(0, len(chunk), _PIECE):
            piece = chunk[start : start + _PIECE]
            while piece and self._room > 0:
                if self._gzip.eof:
                    # RFC 1952 §2.2: a file may have several members; their contents are joined.
                    self._gzip = _new_member()
                self._parts += self._gzip.decompress(piece, self._room)
                piece = self._gzip.unused_data

    @property
    def _room(self) -> int:
        """How many bytes more are kept: up to one over the limit, which shows a longer body."""
        return self._max_bytes + 1 - len(self._parts)


def _new_member() -> "zlib._Decompress":
    return zlib.decompressobj(_GZIP_WINDOW)


NO_CONTENT: Final = Content(0, compressed=False)
"""An empty body."""


async def read_body(
    response: aiohttp.ClientResponse, max_bytes: int, *, may_be_compressed: bool = True
) -> Content:
    """Read the whole body of `response`, at most `max_bytes` before and after decompression.

    Raises:
        BodyTooLong: it is longer.
        BadBody: it has another encoding than gzip, or is not valid gzip.
        aiohttp.ClientError: the connection broke.
    """
    encoding = response.headers.get(hdrs.CONTENT_ENCODING, "identity").strip().lower()
    compressed = encoding in _ALSO_GZIP and may_be_compressed
    if encoding != "identity" and not compressed:
        raise BadBody("its body has a Content-Encoding that was not asked for")
    content = Content(max_bytes, compressed=compressed)
    try:
        while not (content.too_long or response.content.at_eof()):
            content.add(await response.content.readany())
    except zlib.error as error:
        raise BadBody("its body cannot be decompressed") from error
    if content.too_long:
        raise BodyTooLong(f"its body is longer than {max_bytes} bytes")
    if not content.complete:
        raise BadBody("its body cannot be decompressed")
    return content
