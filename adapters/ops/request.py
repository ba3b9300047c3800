"""A request and a reply, as the ops page sees them under aiohttp.web and under ASGI alike."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from urllib.parse import parse_qsl

import attrs

LARGEST_FORM = 16_384
"""Bytes that a form may have."""


@attrs.frozen(kw_only=True)
class OpsRequest:
    """What came in."""

    method: str
    path: str
    """Below where the page is mounted: "/" is the page."""
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """By their names in lower case."""
    peer: str | None
    """The address that it came from; None where it came over no network."""
    secure: bool
    """Whether it came by https."""
    read: Callable[[], Awaitable[bytes]]
    """The body; at most `LARGEST_FORM` bytes of it."""

    async def form(self) -> dict[str, str]:
        """The fields of the form that was sent; the last of equal names counts."""
        text = (await self.read()).decode("utf-8", "replace")
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=100))


@attrs.frozen
class OpsReply:
    """What goes out."""

    status: int
    headers: Mapping[str, str]
    body: bytes | AsyncGenerator[bytes, None]
    """All of it, or a stream, each piece of which is sent at once."""
