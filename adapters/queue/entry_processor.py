"""`EntryProcessor`: what is done with one entry that a worker has claimed, step by step."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

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
    Dead,
    Later,
    NotTried,
    is_there,
    must_read_first,
    verdict_on,
)
from shelfport.ports import (
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
    """The host's catalogue did not do as it was asked; what it raised is the `__cause__`."""

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


class _Lost(Exception):
    """The entry is somebody else's by now, or nobody's: nothing more is done with it here."""


@attrs.frozen(eq=False)
class EntryProcessor:
    """Makes one attempt at one claimed entry, and tells the queue what came of it.

    The catalogue is told first that the product is not orderable, and that is noted; then, if an
    earlier attempt may have arrived, the record is looked for; then it is asked for, under the
    entry's one key; then the catalogue is told that the product is orderable; last, the entry is
    forgotten. A crash between any two of these leaves an entry that is claimed again when the
    lease has ended, and whose next attempt finds out where the last one stood.
    """

    queue: InitializationQueue
    port: InventoryPort
    """One call is one attempt at one request: the stack without `RetryLayer`, past every cache."""
    catalog: ProductCatalogPort | None
    clock: Clock = attrs.field(repr=False)
    options: QueueOptions
    draw: Callable[[], float] = attrs.field(repr=False)
    """A number between 0 and 1: `random.random`."""
    changed: Callable[[ProductVariantId], None] = attrs.field(repr=False)
    """Told when a variant has got its record: what is kept of it elsewhere is no longer true."""
    listener: Listener = attrs.field(repr=False)

    async def make(self, claim: Claim) -> bool:
        """One attempt. False: this process did not ask, so it is no use to claim more just now.

        Raises:
            QueueFailed: the queue could not be told; the lease will end.
        """
        begun = False
        try:
            if claim.entry.attempts > self.options.max_attempts:
                # Begun so often, and never told of an end: whoever tries it may not survive that.
                await self._bury(claim, DeadLetterReason.EXHAUSTED, None)
                return True
            if claim.entry.must_mark:
                await self._mark(claim)
            begun = True
            await self._open_record(claim)
            if claim.entry.policy is InitializationPolicy.NOT_ORDERABLE:
                await self._in_catalog(lambda catalog: catalog.mark_orderable, claim.entry)
            await self._done(claim)
        except _Lost:
            return True
        except QueueFailed:
            raise
        except asyncio.CancelledError:
            # Once a request may have gone out, the attempt counts: the next one reads first.
            now = self.clock.now()
            if begun:
                error = "the worker was stopped in the middle of the attempt"
                await self.queue.retry_later(claim, due_at=now, error=error)
            else:
                await self.queue.give_back(claim, now=now)
            raise
        except (InventoryError, CatalogFailed) as error:
            return await self._failed(claim, error)
        except Exception as error:
            logger.exception(
                "an attempt at the inventory record of %s stumbled: this is a bug",
                claim.entry.request.variant_id,
                extra={
                    "event": "inventory.worker_fault",
                    "variant_id": str(claim.entry.request.variant_id),
                    "correlation_id": claim.entry.correlation_id,
                },
            )
            return await self._failed(claim, error)
        return True

    async def _mark(self, claim: Claim) -> None:
        await self._still_held(claim)
        await self._in_catalog(lambda catalog: catalog.mark_not_orderable, claim.entry)
        noted = await self.queue.note_marked(claim)
        if noted is None:
            # Another worker finished meanwhile, and this mark may have undone its last word. The
            # same operation once more: it finds the record, and makes the product orderable.
            now = self.clock.now()
            await self.queue.add(attrs.evolve(claim.entry, due_at=now, holder=None))
        if not noted:
            raise _Lost

    async def _open_record(self, claim: Claim) -> None:
        """Return when the record is there."""
        entry = claim.entry
        call = Call(
            deadline=self.clock.monotonic() + self.options.attempt_timeout,
            max_staleness=0,
            correlation_id=entry.correlation_id,
            traceparent=entry.traceparent,
            attempt=entry.attempts,
        )
        variant = entry.request.variant_id
        if must_read_first(entry) and is_there((await self.port.read((variant,), call))[variant]):
            return
        await self._still_held(claim)
        await self.port.initialize(entry.request, call)

    async def _still_held(self, claim: Claim) -> None:
        """Before something is changed that another worker may have changed, too.

        The lease is longer than all steps together may take, so that only a process that stood
        still, or a clock that was set, gets here too late.
        """
        now = self.clock.now()
        left = (claim.entry.due_at - now).total_seconds()
        if 0 < left <= self.options.lease:
            return
        if not await self.queue.renew(claim, now=now, lease=self.options.lease):
            raise _Lost

    async def _in_catalog(
        self,
        method: Callable[[ProductCatalogPort], Callable[[ProductVariantId], Awaitable[None]]],
        entry: QueuedInitialization,
    ) -> None:
        if self.catalog is None:
            raise CatalogFailed(
                "the entry is NOT_ORDERABLE, but this worker has no catalogue to tell: "
                "give one to build(settings, catalog=…)"
            )
        seconds = self.options.catalog_timeout
        timeout = asyncio.timeout(seconds)
        try:
            async with timeout:
                # The catalogue is the host's own code: its records are about the same request.
                with request_context(
                    correlation_id=entry.correlation_id, traceparent=entry.traceparent
                ):
                    await method(self.catalog)(entry.request.variant_id)
        except Exception as error:
            if timeout.expired():
                failed = f"did not answer in {seconds:g} s"
            else:
                failed = f"failed: {type(error).__name__}: {error}"
            raise CatalogFailed(f"the host's catalogue {failed}") from error

    async def _done(self, claim: Claim) -> None:
        self.changed(claim.entry.request.variant_id)
        if await self.queue.complete(claim):
            took = (self.clock.now() - claim.entry.queued_at).total_seconds()
            self.listener(InitializationDone(claim.entry, max(took, 0.0)))

    async def _failed(self, claim: Claim, error: Exception) -> bool:
        entry, now = claim.entry, self.clock.now()
        match verdict_on(error, entry, self.options.terms(), now=now, share=self.draw()):
            case NotTried():
                await self.queue.give_back(claim, now=now)
                return False
            case Later(due_at):
                if await self.queue.retry_later(claim, due_at=due_at, error=_sentence(error)):
                    self.listener(InitializationPostponed(entry, due_at, error))
            case Dead(reason):
                await self._bury(claim, reason, error)
        return True

    async def _bury(self, claim: Claim, reason: DeadLetterReason, error: Exception | None) -> None:
        sentence = (
            _sentence(error)
            if error is not None
            else (claim.entry.last_error or "no attempt came to its end: the worker died in each")
        )
        if await self.queue.bury(claim, now=self.clock.now(), reason=reason, error=sentence):
            self.listener(InitializationDeadLettered(claim.entry, reason, error))


def _sentence(error: Exception) -> str:
    """What a person reads of it in the queue."""
    if isinstance(error, InventoryError | CatalogFailed):
        return str(error)
    return one_line(f"unexpected {type(error).__name__}: {error}")
