"""`EntryProcessor`: makes one attempt at one claimed entry of the queue, step by step."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

import attrs

from shelfport.adapters.queue.options import QueueOptions
from shelfport.adapters.runtime.request_context import request_context
from shelfport.domain.model import (
    Call,
    Claim,
    DeadLetterReason,
    InitializationPolicy,
    InventoryError,
    ProductVariantId,
    QueuedInitialization,
    QueueFailed,
)
from shelfport.domain.model.text import one_line
from shelfport.domain.services.queue_policy import (
    GiveBack,
    MoveToDeadLetters,
    RetryLater,
    has_crashed_workers,
    is_there,
    must_read_first,
    next_step,
)
from shelfport.ports import (
    CacheInvalidator,
    Clock,
    InitializationQueue,
    InventoryPort,
    Listener,
    ProductCatalogPort,
)
from shelfport.ports.signals import (
    InitializationDeadLettered,
    InitializationDone,
    InitializationPostponed,
)

logger = logging.getLogger("shelfport.worker")


class CatalogFailed(Exception):
    """The host's catalog failed or did not answer; its own error is the `__cause__`."""

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


class _ClaimLost(Exception):
    """Another worker has claimed the entry, or the entry is gone: this attempt ends."""


@attrs.frozen(eq=False)
class EntryProcessor:
    """Makes one attempt at one claimed entry, and tells the queue the result.

    The steps: the catalog marks the product as not orderable, and the queue notes that; if an
    earlier attempt may have arrived, the record is read; if there is none, it is requested, under
    the entry's one idempotency key; the catalog marks the product as orderable; the queue deletes
    the entry. After a crash between two steps, the entry is claimed again when its lease has ended,
    and the next attempt reads how far the last one came.
    """

    queue: InitializationQueue
    port: InventoryPort
    """One call is one attempt at one request: the stack below `RetryLayer` and the caches."""
    catalog: ProductCatalogPort | None
    clock: Clock = attrs.field(repr=False)
    options: QueueOptions
    draw: Callable[[], float] = attrs.field(repr=False)
    """Draws a number between 0 and 1: `random.random`."""
    invalidators: Sequence[CacheInvalidator] = attrs.field(repr=False)
    """The caches, innermost first: when a variant has got its record, what they hold of it is out
    of date."""
    listener: Listener = attrs.field(repr=False)

    async def process(self, claim: Claim) -> bool:
        """Make one attempt. False: this process refused to send the request; claim no more now.

        Raises:
            QueueFailed: the queue did not store the result; the lease will end.
        """
        begun = False
        try:
            if has_crashed_workers(claim.entry):
                await self._dead_letter(claim, DeadLetterReason.CRASHED, None)
                return True
            if claim.entry.must_mark:
                await self._mark_not_orderable(claim)
            begun = True
            await self._open_record(claim)
            if claim.entry.policy is InitializationPolicy.NOT_ORDERABLE:
                await self._in_catalog(lambda catalog: catalog.mark_orderable, claim.entry)
            await self._complete(claim)
        except _ClaimLost:
            return True
        except QueueFailed:
            raise
        except asyncio.CancelledError:
            # Once a request may have been sent, the try counts: the next one reads first.
            now = self.clock.now()
            if begun:
                error = "the worker was stopped during the attempt"
                await self.queue.retry_later(claim, due_at=now, error=error)
            else:
                await self.queue.give_back(claim, now=now)
            raise
        except (InventoryError, CatalogFailed) as error:
            return await self._failed(claim, error)
        except Exception as error:
            logger.exception(
                "an attempt to open the inventory record of %s failed unexpectedly: this is a bug",
                claim.entry.request.variant_id,
                extra={
                    "event": "inventory.worker_fault",
                    "variant_id": str(claim.entry.request.variant_id),
                    "correlation_id": claim.entry.correlation_id,
                },
            )
            return await self._failed(claim, error)
        return True

    async def _mark_not_orderable(self, claim: Claim) -> None:
        await self._ensure_held(claim)
        await self._in_catalog(lambda catalog: catalog.mark_not_orderable, claim.entry)
        noted = await self.queue.note_marked(claim)
        if noted is None:
            # Another worker has completed the entry meanwhile, and this mark may have undone its
            # mark_orderable. The operation is queued once more: it finds the record, and marks the
            # product as orderable.
            now = self.clock.now()
            await self.queue.add(attrs.evolve(claim.entry, due_at=now, holder=None))
        if not noted:
            raise _ClaimLost

    async def _open_record(self, claim: Claim) -> None:
        """Return when the record exists."""
        entry = claim.entry
        call = Call(
            deadline=self.clock.monotonic() + self.options.attempt_timeout,
            max_staleness=0,
            correlation_id=entry.correlation_id,
            traceparent=entry.traceparent,
            attempt=entry.tries + 1,
        )
        variant = entry.request.variant_id
        if must_read_first(entry) and is_there((await self.port.read((variant,), call))[variant]):
            return
        await self._ensure_held(claim)
        await self.port.initialize(entry.request, call)

    async def _ensure_held(self, claim: Claim) -> None:
        """Renew the lease if it has ended; called before each change outside the queue.

        The lease is longer than all steps together may take, so it ends only where the process
        stood still or a clock was set.
        """
        now = self.clock.now()
        left = (claim.entry.due_at - now).total_seconds()
        if 0 < left <= self.options.lease:
            return
        if not await self.queue.renew(claim, now=now, lease=self.options.lease):
            raise _ClaimLost

    async def _in_catalog(
        self,
        method: Callable[[ProductCatalogPort], Callable[[ProductVariantId], Awaitable[None]]],
        entry: QueuedInitialization,
    ) -> None:
        if self.catalog is None:
            raise CatalogFailed(
                "the entry is NOT_ORDERABLE, but this worker has no catalog: "
                "give one to build(settings, catalog=…)"
            )
        seconds = self.options.catalog_timeout
        timeout = asyncio.timeout(seconds)
        try:
            async with timeout:
                # The catalog is the host's own code: its log records carry the request's ids.
                with request_context(
                    correlation_id=entry.correlation_id, traceparent=entry.traceparent
                ):
                    await method(self.catalog)(entry.request.variant_id)
        except Exception as error:
            if timeout.expired():
                failed = f"did not answer in {seconds:g} s"
            else:
                failed = f"failed: {type(error).__name__}: {error}"
            raise CatalogFailed(f"the host's catalog {failed}") from error

    async def _complete(self, claim: Claim) -> None:
        for cache in self.invalidators:
            await cache.apply_write((claim.entry.request.variant_id,))
        if await self.queue.complete(claim):
            took = (self.clock.now() - claim.entry.queued_at).total_seconds()
            self.listener(InitializationDone(claim.entry, max(took, 0.0)))

    async def _failed(self, claim: Claim, error: Exception) -> bool:
        entry, now = claim.entry, self.clock.now()
        match next_step(error, entry, self.options.policy(), now=now, share=self.draw()):
            case GiveBack():
                await self.queue.give_back(claim, now=now)
                return False
            case RetryLater(due_at, answered):
                if await self.queue.retry_later(
                    claim, due_at=due_at, error=_sentence(error), answered=answered
                ):
                    self.listener(InitializationPostponed(entry, due_at, error))
            case MoveToDeadLetters(reason):
                await self._dead_letter(claim, reason, error)
        return True

    async def _dead_letter(
        self, claim: Claim, reason: DeadLetterReason, error: Exception | None
    ) -> None:
        if error is not None:
            sentence = _sentence(error)
        else:
            crashes = claim.entry.claims - 1
            sentence = f"{crashes} workers ended while they held it: it may crash its worker"
        if await self.queue.dead_letter(claim, now=self.clock.now(), reason=reason, error=sentence):
            self.listener(InitializationDeadLettered(claim.entry, reason, error))


def _sentence(error: Exception) -> str:
    """What the queue stores of `error`, for people."""
    if isinstance(error, InventoryError | CatalogFailed):
        return str(error)
    return one_line(f"unexpected {type(error).__name__}: {error}")
