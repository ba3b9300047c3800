"""How the sandbox misbehaves: what is asked for, and whom it strikes."""

import asyncio
import math
import random
from typing import Literal, get_args

import msgspec

FaultMode = Literal["ok", "down", "refuse", "hang", "garbage", "truncated", "timeout_after_write"]
"""What becomes of a request:

- `ok`: nothing special.
- `down`: 503 `unavailable`; nothing is done.
- `refuse`: the connection is aborted at once; nothing is done.
- `hang`: no answer, and nothing is done, until the faults change or the client leaves.
- `garbage`: the request is carried out; the answer is a 200 whose body is not JSON.
- `truncated`: the request is carried out; half of the answer is sent, then the connection closes.
- `timeout_after_write`: a POST is carried out, and its answer hangs; a GET is left untouched.
"""

ErrorStatus = Literal[401, 403, 429, 500, 503]

FAULT_RULES = {
    "mode": f"one of {', '.join(get_args(FaultMode))}",
    "latency": "a number of seconds from 0 to 3600",
    "errorRate": "a number from 0 to 1",
    "errorStatus": f"one of {', '.join(map(str, get_args(ErrorStatus)))}",
    "seed": "an integer",
    "times": "null or an integer of 1 or more",
}
"""What each field of `Faults` may be, by its name in JSON: the second half of a refusal."""


class Faults(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """How the sandbox is to misbehave. The JSON form has the same fields in camelCase.

    A request is first delayed (`latency`), then may fail by `error_rate`, then meets `mode`.

    Raises:
        ValueError: a field is out of its range; one sentence names it and what is allowed.
    """

    mode: FaultMode = "ok"
    latency: float = 0.0
    """Seconds added before answering. An answer to a GET is made first and then held back, so it
    may be old when it arrives; a POST is carried out at the end, also if its client has left."""
    error_rate: float = 0.0
    """The share of requests, 0 to 1, that get `error_status` and are not carried out."""
    error_status: ErrorStatus = 503
    seed: int = 0
    """Starts the random numbers behind `error_rate`: the same seed strikes the same requests."""
    times: int | None = None
    """How many requests are struck before all is well again; None for no end."""

    def __post_init__(self) -> None:
        _check("mode", self.mode, self.mode in get_args(FaultMode))
        _check("latency", self.latency, _is_number(self.latency) and 0 <= self.latency <= 3600)
        _check(
            "errorRate", self.error_rate, _is_number(self.error_rate) and 0 <= self.error_rate <= 1
        )
        _check("errorStatus", self.error_status, self.error_status in get_args(ErrorStatus))
        _check("seed", self.seed, _is_int(self.seed))
        _check("times", self.times, self.times is None or (_is_int(self.times) and self.times >= 1))


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return _is_int(value) or (isinstance(value, float) and math.isfinite(value))


def _check(name: str, value: object, allowed: bool) -> None:
    if not allowed:
        raise ValueError(f"{name} is {value!r}: it must be {FAULT_RULES[name]}.")


WELL = Faults()
"""No faults."""


class Verdict(msgspec.Struct, frozen=True):
    """What the faults do to one request."""

    mode: FaultMode = "ok"
    latency: float = 0.0
    error_status: ErrorStatus | None = None


UNTOUCHED = Verdict()


class FaultPlan:
    """The faults in force, the random numbers behind them, and how many are left."""

    def __init__(self) -> None:
        self._faults = WELL
        self._random = random.Random(WELL.seed)  # noqa: S311 - repeatable is the point
        self._changed = asyncio.Event()

    @property
    def current(self) -> Faults:
        """The faults in force; `times` is what is left of it."""
        return self._faults

    def replace(self, faults: Faults) -> None:
        """Put `faults` in force instead, with fresh random numbers, and let go what hangs."""
        self._faults = faults
        self._random = random.Random(faults.seed)  # noqa: S311 - repeatable is the point
        self._changed.set()
        self._changed = asyncio.Event()

    async def changed(self) -> None:
        """Wait until the faults are replaced; that `times` runs out is no such change."""
        await self._changed.wait()

    def judge(self, method: str) -> Verdict:
        """Decide what happens to a request of HTTP method `method`, and count it if struck."""
        faults = self._faults
        # One number a request whatever comes of it, so that latency or mode do not shift the run.
        failed = self._random.random() < faults.error_rate
        mode = faults.mode
        if mode == "timeout_after_write" and method != "POST":
            mode = "ok"
        verdict = Verdict(mode, faults.latency, faults.error_status if failed else None)
        if verdict == UNTOUCHED:
            return verdict
        if faults.times is not None:
            left = faults.times - 1
            self._faults = msgspec.structs.replace(faults, times=left) if left else WELL
        return verdict
