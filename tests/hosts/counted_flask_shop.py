"""The Flask example with one more page: the number of HTTP sessions of this worker."""

import os
from typing import Any

import aiohttp

_make = aiohttp.ClientSession.__init__
_made = [0]


def _counting(self: aiohttp.ClientSession, *args: Any, **kwargs: Any) -> None:
    _made[0] += 1
    _make(self, *args, **kwargs)


aiohttp.ClientSession.__init__ = _counting  # type: ignore[method-assign]  # counted where made

from flask_shop import app  # type: ignore[import-not-found]  # noqa: E402 - it is opened here


@app.get("/sessions")  # type: ignore[untyped-decorator]  # as above
def sessions() -> dict[str, int]:
    return {"worker": os.getpid(), "sessions": _made[0]}
