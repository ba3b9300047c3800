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
_GZIP_WINDOW = 16 + zlib.MAX_WBITS


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
        self._gzip = zlib.decompressobj(_GZIP_WINDOW) if compressed else None

    def __bytes__(self) -> bytes:
        return bytes(self._parts)

    @property
    def too_long(self) -> bool:
        """Whether the body has more than `max_bytes`, before or after decompression."""
        return max(self._received, len(self._parts)) > self._max_bytes

    @property
    def complete(self) -> bool:
        """Whether a compressed body has its end, and no data after it."""
        return self._gzip is None or (self._gzip.eof and not self._gzip.unused_data)

    def add(self, chunk: bytes) -> None:
        """Append a chunk, decompressed up to one byte over the limit.

        Raises:
            zlib.error: it is not gzip.
        """
        self._received += len(chunk)
        room = self._max_bytes + 1 - len(self._parts)
        self._parts += chunk if self._gzip is None else self._gzip.decompress(chunk, room)


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
    compressed = encoding == GZIP and may_be_compressed
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
