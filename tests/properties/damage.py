"""Ways to damage a JSON document: in its bytes, and in its values."""

import copy
import json
import random
from typing import Any

_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 2**31, 2**63, 2**64, -(2**70), 1e308, 0.5, "", "\x00", "\ud800",
    5.0, float("nan"), float("-inf"), "BACKORDER", "out-of-stock", " In Stock ", "IN_STOCK\ud83d",
    "IN_STOCK", "LOW_STOCK", "OUT_OF_STOCK", 1767225600000, "2016-12-31T23:59:60Z",
    "2026-02-30T00:00:00Z", "2026-03-13T09:00:00", "9999-12-31T23:59:59+00:00",
    "0001-01-01T00:00:00+23:59", "00000000-0000-0000-0000-000000000000", [], {}, [[]],
    [None], {"a": {"b": []}}, "x" * 4096,
)  # fmt: skip
_SCRAPS = (
    b"\x00", b"\xff", b"\xef\xbb\xbf", b"\\u", b"\\ud83d", b'"', b"{", b"}", b"[", b"]", b",",
    b":", b"-", b".0", b"e0", b'"availableQuantity":0,', b'"status":"OUT_OF_STOCK",', b"NaN",
    b"-Infinity", b"1e999", b"9" * 400, b"[" * 3000, b'{"a":' * 3000, b"null",
)  # fmt: skip


def damaged(document: Any, rng: random.Random) -> bytes:
    """`document` as JSON, damaged in one of many ways, or several of them."""
    if rng.random() < 0.5:
        document = swapped(document, rng)
    content = json.dumps(document).encode("utf-8", "surrogatepass")
    return damaged_bytes(content, rng) if rng.random() < 0.6 else content


def swapped(document: Any, rng: random.Random) -> Any:
    """A copy of `document` with one to three values replaced, removed, renamed or wrapped."""
    document = copy.deepcopy(document)
    for _ in range(rng.randint(1, 3)):
        document = _swapped(document, rng)
    return document


def damaged_bytes(content: bytes, rng: random.Random) -> bytes:
    """`content`, damaged in one to three of many ways."""
    for _ in range(rng.randint(1, 3)):
        content = rng.choice(_BYTES)(content, rng)
    return content


def _swapped(document: Any, rng: random.Random) -> Any:
    """A value somewhere inside it replaced, removed, renamed, or wrapped."""
    match document:
        case dict() if document and rng.random() < 0.9:
            key = rng.choice(list(document))
            match rng.randrange(5):
                case 0:
                    del document[key]
                case 1:
                    document[rng.choice(["", "a", key.upper(), key + " "])] = document.pop(key)
                case 2:
                    document[key] = [document[key]]
                case _:
                    document[key] = _swapped(document[key], rng)
            return document
        case list() if document and rng.random() < 0.9:
            place = rng.randrange(len(document))
            if rng.random() < 0.2:
                document.append(document[place])
            else:
                document[place] = _swapped(document[place], rng)
            return document
        case _:
            return copy.deepcopy(rng.choice(_VALUES))


def _flip(content: bytes, rng: random.Random) -> bytes:
    if not content:
        return b"\x80"
    place = rng.randrange(len(content))
    return content[:place] + bytes([content[place] ^ 1 << rng.randrange(8)]) + content[place + 1 :]


def _truncate(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randint(0, len(content))]


def _insert(content: bytes, rng: random.Random) -> bytes:
    place = rng.randint(0, len(content))
    return content[:place] + rng.choice(_SCRAPS) + content[place:]


def _remove(content: bytes, rng: random.Random) -> bytes:
    start = rng.randint(0, len(content))
    return content[:start] + content[start + rng.randint(1, 12) :]


def _double(content: bytes, rng: random.Random) -> bytes:
    start = rng.randint(0, len(content))
    return content[:start] + content[start:] * 2


def _noise(content: bytes, rng: random.Random) -> bytes:
    return rng.randbytes(rng.randint(0, 64))


_BYTES = (_flip, _flip, _truncate, _insert, _insert, _remove, _double, _noise)
