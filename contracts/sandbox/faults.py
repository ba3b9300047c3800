"""The sandbox's faults, and which requests they affect."""

import asyncio
import math
import random
from collections.abc import Mapping
from typing import Literal, get_args

import msgspec

from shelfport.contracts.sandbox.problems import RETRY_AFTER

FaultMode = Literal[
    "ok",
    "down",
    "refuse",
    "hang",
    "garbage",
    "truncated",
    "reject_write",
    "timeout_after_write",
    "crash_after_write",
    "late_write",
]
"""How the sandbox treats a request:

- `ok`: the request is answered as usual.
- `down`: 503 `unavailable`; the request is not carried out.
- `refuse`: the connection is aborted at once; the request is not carried out.
- `hang`: no answer until the faults change or the client leaves; the request is not carried out
  before that.
- `garbage`: the request is carried out; the answer is a 200 whose body is not JSON.
- `truncated`: the request is carried out; half of the answer is sent, then the connection closes.
- `reject_write`: a POST gets 400 `invalid-request`, and is not carried out.
- `timeout_after_write`: a POST is carried out, and its answer hangs.
- `crash_after_write`: a POST is carried out, but its key is forgotten, and the connection aborted:
  as if the service had crashed between writing the record and the key. The contract forbids it.
- `late_write`: a POST is carried out up to `late_by` seconds after it came, also if its client has
  left by then.

The last four do not affect a GET.
"""

ErrorStatus = Literal[401, 403, 429, 500, 503]
"""The status of an answer to a request that fails by `Faults.error_rate`."""

_ONLY_WRITES: frozenset[FaultMode] = frozenset(
    {"reject_write", "timeout_after_write", "crash_after_write", "late_write"}
)

FAULT_RULES = {
    "mode": f"one of {', '.join(get_args(FaultMode))}",
    "latency": "a number of seconds from 0 to 3600",
    "errorRate": "a number from 0 to 1",
    "errorStatus": f"one of {', '.join(map(str, get_args(ErrorStatus)))}",
    "retryAfter": "a number of whole seconds from 0 to 3600",
    "modeRates": "an object of modes, each with a number from 0 to 1, and all at most 1",
    "lateBy": "a number of seconds from 0 to 3600",
    "seed": "an integer",
    "times": "null or an integer of 1 or more",
}
"""The allowed values of each field of `Faults`, by its name in JSON; errors quote them."""


class Faults(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """The faults that the sandbox injects. The JSON form has the same fields in camelCase.

    A request is first delayed (`latency`), then may fail by `error_rate`, then gets `mode`, or
    one of `mode_rates` by its share.

    Raises:
        ValueError: a field is out of its range; one sentence names it and what is allowed.
    """

    mode: FaultMode = "ok"
    latency: float = 0.0
    """Seconds added before answering. An answer to a GET is made first and then held back, so it
    may be old when it arrives; a POST is carried out after the delay, even if its client left."""
    error_rate: float = 0.0
    """The share of requests, 0 to 1, that get `error_status` and are not carried out."""
    error_status: ErrorStatus = 503
    retry_after: int = RETRY_AFTER
    """The `Retry-After` of a 429 or 503, in seconds. shelfport sends nothing until then; 0 lets it
    ask again at once."""
    mode_rates: dict[FaultMode, float] = {}
    """The shares of requests, 0 to 1, that get these modes instead of `mode`."""
    late_by: float = 5.0
    """The longest delay, in seconds, of a `late_write`; each request draws its own."""
    seed: int = 0
    """The seed of the random numbers: the same seed affects the same requests."""
    times: int | None = None
    """How many requests are affected before the faults end; None for no end."""

    def __post_init__(self) -> None:
        _check("mode", self.mode, self.mode in get_args(FaultMode))
        _check("modeRates", self.mode_rates, _are_shares(self.mode_rates))
        _check("lateBy", self.late_by, _is_number(self.late_by) and 0 <= self.late_by <= 3600)
        _check("latency", self.latency, _is_number(self.latency) and 0 <= self.latency <= 3600)
        _check("errorRate", self.error_rate, _is_share(self.error_rate))
        _check("errorStatus", self.error_status, self.error_status in get_args(ErrorStatus))
        wait = self.retry_after
        _check("retryAfter", wait, _is_int(wait) and 0 <= wait <= 3600)
        _check("seed", self.seed, _is_int(self.seed))
        _check("times", self.times, self.times is None or (_is_int(self.times) and self.times >= 1))


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return _is_int(value) or (isinstance(value, float) and math.isfinite(value))


def _is_share(value: object) -> bool:
    return _is_number(value) and 0 <= value <= 1  # type: ignore[operator]  # it is a number


def _are_shares(rates: Mapping[FaultMode, float]) -> bool:
    return (
        set(rates) <= set(get_args(FaultMode))
        and all(map(_is_share, rates.values()))
        and sum(rates.values()) <= 1 + 1e-9  # shares such as ten times 0.1
    )


def _check(name: str, value: object, allowed: bool) -> None:
    if not allowed:
        raise ValueError(f"{name} is {value!r}: it must be {FAULT_RULES[name]}.")


NO_FAULTS = Faults()
"""No faults."""


class FaultDecision(msgspec.Struct, frozen=True):
    """What the faults do to one request: its mode, its delay, and the status if it fails."""

    mode: FaultMode = "ok"
    latency: float = 0.0
    error_status: ErrorStatus | None = None


NO_EFFECT = FaultDecision()


class FaultPlan:
    """The current faults with their random numbers; counts the affected requests."""

    def __init__(self) -> None:
        self._faults = NO_FAULTS
        self._random, self._modes = _random_numbers(NO_FAULTS.seed)
        self._changed = asyncio.Event()

    @property
    def current(self) -> Faults:
        """The current faults; `times` is the number of requests that are left."""
        return self._faults

    def replace(self, faults: Faults) -> None:
        """Replace the faults, restart the random numbers, and release hanging requests."""
        self._faults = faults
        self._random, self._modes = _random_numbers(faults.seed)
        self._changed.set()
        self._changed = asyncio.Event()

    async def changed(self) -> None:
        """Wait until `replace` is called; the end of `times` does not count."""
        await self._changed.wait()

    def decide(self, method: str) -> FaultDecision:
        """Decide what happens to a request of HTTP method `method`, and count it if affected."""
        faults = self._faults
        # Each request draws the same amount of numbers, so that one rate does not shift another.
        failed = self._random.random() < faults.error_rate
        mode, late = self._drawn_mode(), self._modes.uniform(0, faults.late_by)
        if mode in _ONLY_WRITES and method != "POST":
            mode = "ok"
        latency = faults.latency + (late if mode == "late_write" and not failed else 0.0)
        decision = FaultDecision(mode, latency, faults.error_status if failed else None)
        if decision == NO_EFFECT:
            return decision
        if faults.times is not None:
            left = faults.times - 1
            self._faults = msgspec.structs.replace(faults, times=left) if left else NO_FAULTS
        return decision

    def _drawn_mode(self) -> FaultMode:
        number = self._modes.random()
        for mode, share in self._faults.mode_rates.items():
            number -= share
            if number < 0:
                return mode
        return self._faults.mode


def _random_numbers(seed: int) -> tuple[random.Random, random.Random]:
    """The random numbers of the error rate and those of the modes, independent of each other."""
    return random.Random(seed), random.Random(f"modes {seed}")  # noqa: S311 - repeatable on purpose
