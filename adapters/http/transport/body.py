"""The body of an answer, read up to a cap: as it comes, and unpacked.

aiohttp would unpack whatever its environment lets it (brotli, zstd), some releases without a bound.
So it unpacks nothing, and this knows the one packing that the requests ask for.
"""

import zlib
from typing import Final

import aiohttp
from aiohttp import hdrs

PACKED: Final = "gzip"
"""The `Accept-Encoding` of every request; what is packed otherwise is refused."""
_GZIP = 16 + zlib.MAX_WBITS


class BadBody(Exception):
    """A body is too long, or cannot be unpacked; the message says which."""


class Content:
    """A growing body, which does not show in a `repr`: it may hold a token."""

    def __init__(self, most: int, *, packed: bool) -> None:
        self._most = most
        self._came = 0
        self._parts = bytearray()
        self._gzip = zlib.decompressobj(_GZIP) if packed else None

    def __bytes__(self) -> bytes:
        return bytes(self._parts)

    @property
    def too_long(self) -> bool:
        """Whether more than `most` bytes came, or came out."""
        return max(self._came, len(self._parts)) > self._most

    @property
    def whole(self) -> bool:
        """Whether a packed body came to its end, and nothing after it."""
        return self._gzip is None or (self._gzip.eof and not self._gzip.unused_data)

    def add(self, chunk: bytes) -> None:
        """Take what came; of what comes out, no more than shows that it is too long.

        Raises:
            zlib.error: it is not packed as it should be.
        """
        self._came += len(chunk)
        room = self._most + 1 - len(self._parts)
        self._parts += chunk if self._gzip is None else self._gzip.decompress(chunk, room)


async def read_body(
    response: aiohttp.ClientResponse, most: int, *, may_be_packed: bool = True
) -> Content:
    """The whole body of `response`: of at most `most` bytes, packed and unpacked.

    Raises:
        BadBody: it is longer, or packed in a way that was not asked for, or badly.
        aiohttp.ClientError: the connection broke.
    """
    encoding = response.headers.get(hdrs.CONTENT_ENCODING, "identity").strip().lower()
    packed = encoding == PACKED and may_be_packed
    if encoding != "identity" and not packed:
        raise BadBody("its body is packed in a way that was not asked for")
    content = Content(most, packed=packed)
    try:
        while not (content.too_long or response.content.at_eof()):
            content.add(await response.content.readany())
    except zlib.error as error:
        raise BadBody("its body cannot be unpacked") from error
    if content.too_long:
        raise BadBody(f"its body is longer than {most} bytes")
    if not content.whole:
        raise BadBody("its body cannot be unpacked")
    return content
