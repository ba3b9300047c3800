"""`IsolationLayer`: finds the variant that costs a whole batch its answer."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from http import HTTPStatus
from math import inf
from typing import Any

import attrs

from shelfport.adapters.layers.batching import is_too_long
from shelfport.adapters.runtime.bounded_dict import BoundedDict
from shelfport.domain.model import (
    Answer,
    Call,
    FaultScope,
    Initialized,
    InitialStock,
    InventoryError,
    ProductVariantId,
    Unreadable,
    distinct,
    settled,
)
from shelfport.ports import Clock, InventoryPort

_Answers = Mapping[ProductVariantId, Answer]
_Part = Coroutine[Any, Any, _Answers]

MOST_REQUESTS = 16
"""Requests that isolations may send within a minute: one offender among 200 takes so many."""
CHECK_INTERVAL = 4.0
"""Seconds between two requests for a suspect, and for any; what the cache remembers of it ends a
little later."""
_MINUTE = 60.0
_MOST_SUSPECTS = 1000
_ALIVE = 5.0
"""Seconds after an answer, in which a 500 to one variant is that variant's fault."""
_RESERVED = 0.1
"""The share of the caller's time in which an isolation sends nothing: what it found must arrive."""

_OWN = frozenset({FaultScope.CALLER, FaultScope.PROCESS})
"""The scopes of failures that tell nothing of a suspect."""


@attrs.define
class _Allowance:
    """A token bucket: `MOST_REQUESTS` tokens, which come back within a minute."""

    _tokens: float = MOST_REQUESTS
    _at: float = 0.0

    def take(self, now: float) -> bool:
        """Take the token of one request; False if there is none."""
        gained = max(0.0, now - self._at) * MOST_REQUESTS / _MINUTE
        self._tokens, self._at = min(float(MOST_REQUESTS), self._tokens + gained), now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True


class _Ended(Exception):
    """An isolation may send no more requests, or learns nothing from them."""


@attrs.frozen
class _Isolation:
    """One isolation: the call of its requests, and what it has found."""

    call: Call
    answers: dict[ProductVariantId, Answer] = attrs.field(factory=dict)


@attrs.frozen
class _Suspect:
    """A variant that costs a batch its answer, or is asked for in vain."""

    error: InventoryError
    asked_at: float
    """When the last request for it was sent, on the monotonic clock."""


@attrs.define(eq=False)
class IsolationLayer:
    """One variant costs itself, not the page: a batch that fails as a whole is read in parts.

    A batch fails as a whole if the service refuses it, or answers it with a 500 of its own (scope
    REQUEST). First, one id of it is read alone. If that fails as well, the fault is the service's,
    and the isolation ends. Else the batch is halved, and what fails is halved again, until the
    offender is alone. There is one isolation in this process at a time, and all together have an
    allowance of `MOST_REQUESTS` a minute; what is unread at the end keeps the batch's error. A 500
    to one variant, while others are answered, is that variant's fault as well.

    The offender is a suspect from then on: it is asked for alone, and one suspect at a time, until
    it is answered; then the others follow. In between, its last error is the answer, unless the
    caller asks for a younger one (`max_staleness`).

    Right: `BatchingLayer(IsolationLayer(RetryLayer(…)))`: it sees one request, after its retries.
    Wrong: `RetryLayer(IsolationLayer(…))`: the failures of parts would be repeated as a whole.
    """

    inner: InventoryPort
    clock: Clock = attrs.field(repr=False)
    choose: Callable[[Sequence[ProductVariantId]], ProductVariantId] = attrs.field(repr=False)
    """Draws one of several ids: `random.choice`."""
    attempts: InventoryPort | None = attrs.field(default=None, repr=False)
    """What an isolation and the checks of suspects use, so that no request of theirs is repeated:
    the port below `RetryLayer`. None for `inner`."""
    _allowance: _Allowance = attrs.field(init=False, factory=_Allowance, repr=False)
    _isolates: bool = attrs.field(init=False, default=False, repr=False)
    """Whether an isolation runs."""
    _suspects: BoundedDict[ProductVariantId, _Suspect] = attrs.field(
        init=False, factory=lambda: BoundedDict(_MOST_SUSPECTS), repr=False
    )
    _check_at: float = attrs.field(init=False, default=-inf, repr=False)
    """From then on, a suspect may be asked for."""
    _answered_at: float = attrs.field(init=False, default=-inf, repr=False)
    """When the service answered last."""

    async def read(
        self, ids: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        """See `InventoryPort.read`."""
        if not ids:
            return {}
        if self._suspects:
            wanted = distinct(ids)
            suspects = [variant for variant in wanted if variant in self._suspects]
            if suspects:
                return await self._read_apart(wanted, suspects, call)
        if len(ids) == 1:
            return await self._read_one(ids[0], call)
        try:
            answers = await self.inner.read(ids, call)
        except InventoryError as error:
            wanted = distinct(ids)
            if not _is_of_batch(error) or self._isolates or len(wanted) == 1:
                raise
            return await self._isolated(wanted, call, error)
        self._answered_at = self.clock.monotonic()
        return answers

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        """Forward the call: it is about one variant."""
        return await self.inner.initialize(request, call)

    async def _read_one(
        self, variant: ProductVariantId, call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        """Read one variant; if it fails while others are answered, it is a suspect.

        Raises:
            InventoryError: it failed; with scope REQUEST, if the variant is the cause.
        """
        asked_at = self.clock.monotonic()
        try:
            port = self.attempts if variant in self._suspects else None
            answers = await (port or self.inner).read((variant,), call)
        except InventoryError as error:
            if error.scope is FaultScope.ELEMENT:
                self._answered(variant)
                raise
            alive = self.clock.monotonic() - self._answered_at < _ALIVE
            if not _is_of_variant(error) or not (alive or variant in self._suspects):
                raise
            raise self._suspected(variant, error, asked_at).again() from error.__cause__
        self._answered(variant)
        return answers

    async def _read_apart(
        self, ids: Sequence[ProductVariantId], suspects: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        """Read what is not suspect together, and beside it, alone, what of the rest is due."""
        others = [variant for variant in ids if variant not in self._suspects]
        async with asyncio.TaskGroup() as tasks:
            beside = tasks.create_task(_outcome(others, self.read(others, call)))
            answers = await self._read_suspects(suspects, call)
        answers.update(beside.result())
        return settled({variant: answers[variant] for variant in ids})

    async def _read_suspects(
        self, suspects: Sequence[ProductVariantId], call: Call
    ) -> dict[ProductVariantId, Answer]:
        """The last errors of `suspects`, or the answers of those that may be asked for."""
        now = self.clock.monotonic()
        longest = inf if call.max_staleness is None else call.max_staleness
        answers: dict[ProductVariantId, Answer] = {}
        asked_at: dict[ProductVariantId, float] = {}
        for variant in suspects:
            if (suspect := self._suspects.get(variant)) is not None:
                answers[variant] = Unreadable(suspect.error)
                asked_at[variant] = suspect.asked_at
        too_old = [variant for variant, at in asked_at.items() if now - at >= longest]
        if too_old:
            await self._ask_alone(too_old, call, answers)
            return answers
        due = [variant for variant, at in asked_at.items() if now - at >= CHECK_INTERVAL]
        if not due or now < self._check_at:
            return answers
        self._check_at = now + CHECK_INTERVAL
        due.sort(key=lambda variant: asked_at[variant])
        free, count = True, 1
        try:
            while due:
                part, due = due[:count], due[count:]
                if not await self._ask_alone(part, call, answers):
                    free = _tells_nothing(answers[part[0]])
                    break
                count *= 2  # they are answered again
        finally:  # also if the caller leaves meanwhile
            if free:
                self._check_at = -inf
        return answers

    async def _ask_alone(
        self,
        suspects: Sequence[ProductVariantId],
        call: Call,
        answers: dict[ProductVariantId, Answer],
    ) -> bool:
        """Ask for each of `suspects` alone; whether none of them is a suspect any more."""
        async with asyncio.TaskGroup() as tasks:
            asked = [
                tasks.create_task(_outcome((variant,), self._read_one(variant, call)))
                for variant in suspects
            ]
        for task in asked:
            answers.update(task.result())
        return not any(variant in self._suspects for variant in suspects)

    async def _isolated(
        self, ids: Sequence[ProductVariantId], call: Call, error: InventoryError
    ) -> Mapping[ProductVariantId, Answer]:
        if call.deadline is not None:
            left = call.deadline - self.clock.monotonic()
            call = attrs.evolve(call, deadline=call.deadline - _RESERVED * left)
        isolation = _Isolation(call)
        first = self.choose(ids)
        self._isolates = True
        try:
            if await self._error_of(isolation, [first]) is not None:
                raise error.again() from error.__cause__
            await self._halve(isolation, [variant for variant in ids if variant != first])
        except _Ended:
            pass
        finally:
            self._isolates = False
        unread = Unreadable(error)
        return settled({variant: isolation.answers.get(variant, unread) for variant in ids})

    async def _halve(self, isolation: _Isolation, ids: Sequence[ProductVariantId]) -> None:
        """Read `ids` in ever smaller parts, one failed part to its end before the next."""
        failed = [ids]

        async def fails(part: Sequence[ProductVariantId]) -> bool:
            asked_at = self.clock.monotonic()
            error = await self._error_of(isolation, part)
            if error is None:
                return False
            if len(part) == 1:
                suspected = self._suspected(part[0], error, asked_at)
                isolation.answers[part[0]] = Unreadable(suspected)
            else:
                failed.append(part)
            return True

        while failed:
            part = failed.pop()
            middle = len(part) // 2
            first, second = part[:middle], part[middle:]
            answered = bool(first) and not await fails(first)
            if answered and part is not ids:
                failed.append(second)  # the offender is there: reading it whole tells nothing new
            else:
                # Of the whole batch too, as it may have failed for another reason, which passed.
                await fails(second)

    async def _error_of(
        self, isolation: _Isolation, ids: Sequence[ProductVariantId]
    ) -> InventoryError | None:
        """Why `ids` cannot be read; None if they were.

        Raises:
            _Ended: there is no request left, or it failed for a reason of its own.
        """
        if not self._allowance.take(self.clock.monotonic()):
            raise _Ended
        try:
            port = self.attempts or self.inner
            isolation.answers.update(await port.read(ids, isolation.call))
        except InventoryError as error:
            if error.scope is FaultScope.ELEMENT:
                isolation.answers.update(dict.fromkeys(ids, Unreadable(error)))
            elif _is_of_variant(error) if len(ids) == 1 else _is_of_batch(error):
                return error
            else:
                raise _Ended from error
        self._answered_at = self.clock.monotonic()
        return None

    def _answered(self, variant: ProductVariantId) -> None:
        self._answered_at = self.clock.monotonic()
        self._suspects.discard(variant)

    def _suspected(
        self, variant: ProductVariantId, error: InventoryError, asked_at: float
    ) -> InventoryError:
        """Make `variant` a suspect, and return its error: about it alone, with scope REQUEST."""
        error = error.again()
        error.scope, error.ids = FaultScope.REQUEST, (variant,)
        self._suspects.put(variant, _Suspect(error, asked_at))
        return error


async def _outcome(ids: Sequence[ProductVariantId], part: _Part) -> _Answers:
    """The answers of `part`, a read of `ids`, also if none of them was answered."""
    try:
        return await part
    except InventoryError as error:
        return dict.fromkeys(ids, Unreadable(error))


def _tells_nothing(answer: Answer) -> bool:
    """Whether the request was not sent, or the caller's deadline ended it."""
    return isinstance(answer, Unreadable) and answer.error.scope in _OWN


def _is_of_batch(error: InventoryError) -> bool:
    """Whether a smaller batch may succeed."""
    return error.scope is FaultScope.REQUEST and not is_too_long(error)


def _is_of_variant(error: InventoryError) -> bool:
    """Whether the one variant that was asked for may be the cause, and cost a batch its answer."""
    failed = error.status == HTTPStatus.INTERNAL_SERVER_ERROR
    return failed or error.scope is FaultScope.REQUEST
