"""`CooldownLayer`: stops sending when the service asks to wait, or refuses the credentials."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from math import inf
from typing import TypeVar

import attrs

from shelfport.domain.model import (
    Answer,
    Call,
    FaultScope,
    Initialized,
    InitialStock,
    InventoryError,
    Operation,
    ProductVariantId,
    ReachedService,
    RequestContext,
)
from shelfport.ports import Clock, InventoryPort, Listener
from shelfport.ports.signals import CallRejected

T = TypeVar("T")

LONGEST_PAUSE = 30.0
"""Seconds that one `Retry-After` holds, at most: a wrong one must not silence a shop."""
CREDENTIALS_PAUSE = 5.0
"""Seconds without a success after which refused credentials are forgotten."""
PROBE_INTERVAL = 1.0
"""Seconds between two requests that find out whether refused credentials are accepted again."""
_LOST_PROBE = 5.0
"""Seconds after which the one request that follows a `Retry-After` may be followed by another."""
_REFUSALS = 2
"""So many 401 in a row begin a cooldown: one alone may be a token that has just been replaced."""
_ACCEPTED = frozenset({FaultScope.ELEMENT, FaultScope.REQUEST})
"""The scopes of failures of a request that the service itself has accepted."""
_OWN = frozenset({FaultScope.CALLER, FaultScope.PROCESS})
"""The scopes of failures that tell nothing of the service."""


@attrs.define
class _Cooldown:
    """Why the requests of an operation are not sent, and when one may find out more.

    Times are seconds of the monotonic clock.
    """

    error: InventoryError
    probe_at: float
    """From then on, one request goes through."""
    interval: float
    """Seconds until the next one does."""
    until: float
    """Then all go through; `inf` if an outcome must come first."""


@attrs.define(eq=False)
class CooldownLayer:
    """Holds one answer against all requests of its operation, for a short time.

    After a `Retry-After` of the service nothing is sent until its end, at most `LONGEST_PAUSE`
    seconds; then one request goes first. After two 401 in a row, or a 403 of the service itself,
    one request each `PROBE_INTERVAL` goes through, and the first success ends the cooldown: so a
    new secret is noticed within a second, and without one the service gets a request a second. All
    others fail at once with the same error, which was not sent.

    Reads and writes are apart: a token that may only read does not stop the reads.

    Right: `ConcurrencyLimitLayer(CooldownLayer(CircuitBreakerLayer(…)))`: what is not sent takes no
    permit of the breaker.
    Wrong: `CooldownLayer(RetryLayer(…))`: the retries ignore what the service asked for.
    """

    inner: InventoryPort
    clock: Clock = attrs.field(repr=False)
    listener: Listener = attrs.field(repr=False)
    _cooldowns: dict[Operation, _Cooldown] = attrs.field(init=False, factory=dict, repr=False)
    _refusals: dict[Operation, int] = attrs.field(init=False, factory=dict, repr=False)
    """How many 401 each operation got in a row."""

    async def read(
        self, ids: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        """See `InventoryPort.read`."""
        if not ids:
            return {}
        context = RequestContext(Operation.READ, ids, call)
        return await self._through(lambda: self.inner.read(ids, call), context)

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        """See `InventoryPort.initialize`."""
        context = RequestContext(Operation.INITIALIZE, (request.variant_id,), call)
        return await self._through(lambda: self.inner.initialize(request, call), context)

    async def _through(self, ask: Callable[[], Awaitable[T]], context: RequestContext) -> T:
        operation = context.operation
        cooldown = self._cooldowns.get(operation)
        if cooldown is not None:
            self._wait_for_probe(cooldown, context)
        try:
            result = await ask()
        except InventoryError as error:
            self._failed(operation, error, cooldown)
            raise
        except BaseException:
            _found_nothing_out(cooldown)
            raise
        if self._refusals or self._cooldowns:
            self._decided(operation, cooldown)
            self._accepted(operation)
        return result

    def _wait_for_probe(self, cooldown: _Cooldown, context: RequestContext) -> None:
        """Return if this request may go through.

        Raises:
            InventoryError: it may not.
        """
        now = self.clock.monotonic()
        if now >= cooldown.until:
            self._refusals.pop(context.operation, None)
            self._end(context.operation, cooldown)
            return
        if now >= cooldown.probe_at:
            cooldown.probe_at = now + cooldown.interval
            return
        error = cooldown.error.with_message(
            f"no request was sent, for {cooldown.probe_at - now:.3g} s more, after this answer: "
            f"{cooldown.error}"
        )
        error.ids, error.correlation_id = tuple(context.ids), context.call.correlation_id
        error.attempts = context.call.attempt
        error.reached_service, error.scope = ReachedService.NO, FaultScope.PROCESS
        self.listener(CallRejected(context.operation, error, error.correlation_id))
        raise error

    def _failed(
        self, operation: Operation, error: InventoryError, probed: _Cooldown | None
    ) -> None:
        now, scope = self.clock.monotonic(), error.scope
        if scope in _OWN:
            _found_nothing_out(probed)
            return
        self._decided(operation, probed)
        if scope is FaultScope.CREDENTIALS:
            refusals = self._refusals[operation] = self._refusals.get(operation, 0) + 1
            if error.status == HTTPStatus.FORBIDDEN or refusals >= _REFUSALS:
                probe_at, until = now + PROBE_INTERVAL, now + CREDENTIALS_PAUSE
                self._begin(operation, _Cooldown(error.again(), probe_at, PROBE_INTERVAL, until))
        elif scope is FaultScope.SERVICE and error.retry_after:
            probe_at = now + min(LONGEST_PAUSE, error.retry_after)
            self._begin(operation, _Cooldown(error.again(), probe_at, _LOST_PROBE, inf))
        elif scope in _ACCEPTED and error.reached_service is ReachedService.YES:
            self._accepted(operation)

    def _decided(self, operation: Operation, probed: _Cooldown | None) -> None:
        """End `probed`, if it is a pause, as the request that it let through has an outcome.

        An answer to what was sent before the service asked to wait is no answer to that.
        """
        if probed is not None and probed.until == inf:
            self._end(operation, probed)  # what follows is for the circuit breaker to decide

    def _accepted(self, operation: Operation) -> None:
        """The service accepted the credentials of a request of `operation`."""
        self._refusals.pop(operation, None)
        cooldown = self._cooldowns.get(operation)
        if cooldown is not None and cooldown.until < inf:
            self._end(operation, cooldown)

    def _begin(self, operation: Operation, cooldown: _Cooldown) -> None:
        """Begin `cooldown`, unless the service has asked to wait for longer."""
        known = self._cooldowns.get(operation)
        if known is None or known.until < inf or known.probe_at <= cooldown.probe_at:
            self._cooldowns[operation] = cooldown

    def _end(self, operation: Operation, cooldown: _Cooldown) -> None:
        if self._cooldowns.get(operation) is cooldown:
            del self._cooldowns[operation]


def _found_nothing_out(probed: _Cooldown | None) -> None:
    """The request that `probed` let through tells nothing of the service: the next one may."""
    if probed is not None and probed.until == inf:
        probed.probe_at = -inf
