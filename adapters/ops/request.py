"""A request and a reply of the ops page, the same for aiohttp.web and ASGI."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from urllib.parse import parse_qsl

import attrs

LARGEST_FORM = 16_384
"""Bytes of a form, at most."""


@attrs.frozen(kw_only=True)
class OpsRequest:
    """A request to the page."""

    method: str
    path: str
    """Below the mount: "/" is the page."""
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """By name in lower case."""
    peer: str | None
    """The address of the client; None if it came over no network."""
    secure: bool
    """Whether it came over https."""
    read: Callable[[], Awaitable[bytes]]
    """Reads the body, of at most `LARGEST_FORM` bytes."""

    async def form(self) -> dict[str, str]:
        """The fields of the form; the last of equal names counts."""
        text = (await self.read()).decode("utf-8", "replace")
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=100))


@attrs.frozen
class OpsReply:
    """A reply of the page."""

    status: int
    headers: Mapping[str, str]
    body: bytes | AsyncGenerator[bytes, None]
    """The whole body, or a stream whose pieces are sent as they come."""
