"""The rows of the table, each a function of the service beside it."""

from collections.abc import Callable, Coroutine
from typing import Any

from benchmarks.outcome import Row
from benchmarks.rows import decoding, hits, misses, scale, shared_cache, starting, threads
from benchmarks.surroundings import Service

ROWS: dict[str, Callable[[Service], Coroutine[Any, Any, Row]]] = {
    "P1": hits.p1,
    "P1s": hits.p1s,
    "P2": hits.p2,
    "P2s": hits.p2s,
    "P3": misses.p3,
    "P4": misses.p4,
    "P5": misses.p5,
    "P5e": misses.p5e,
    "P6": hits.p6,
    "P7": scale.p7,
    "P8": scale.p8,
    "P9": starting.p9,
    "P10": decoding.p10,
    "P11": shared_cache.p11,
    "P12": threads.p12,
}
