"""`EventHandling`: what an event does in the host: the display status, and the teams (R11, R12)."""

from datetime import datetime
from uuid import UUID

from shelfport.adapters.events.counts import SubscriptionCounts
from shelfport.adapters.runtime.bounded_dict import BoundedDict
from shelfport.adapters.runtime.request_context import current_id
from shelfport.domain.model import InventoryEvent, ProductVariantId
from shelfport.ports import Clock, Listener, Notifier, ProductCatalogPort
from shelfport.ports.signals import EventHandled, EventOutcome, Signal


def unheard(_signal: Signal) -> None:
    """A listener, where nobody listens."""


class EventHandling:
    """Handles events of the work subscription, each as if it had come once and in order.

    An `event_id` that was handled before is done with. An event that is older than the last one
    shown of its variant is late: neither shown nor told, since what it says is no longer so. Both
    memories are bounded and this process's own: across processes and restarts the catalogue keeps
    the later `as_of`, and the webhook carries the `event_id`.

    Args:
        catalog: the host's catalogue; None where the host shows no status.
        notifier: tells the teams.
        clock: for the lag.
        counts: takes note of what was done.
        remembered: how many events and variants to remember.
        listener: is told what became of each event.
    """

    def __init__(
        self,
        catalog: ProductCatalogPort | None,
        notifier: Notifier,
        clock: Clock,
        counts: SubscriptionCounts,
        remembered: int,
        *,
        listener: Listener = unheard,
    ) -> None:
        self._catalog = catalog
        self._notifier = notifier
        self._clock = clock
        self._counts = counts
        self._listener = listener
        self._handled: BoundedDict[UUID, None] = BoundedDict(remembered)
        self._shown: BoundedDict[ProductVariantId, tuple[datetime, UUID]] = BoundedDict(remembered)

    async def handle(self, event: InventoryEvent) -> None:
        """Show what `event` says and tell of it. After any exception, it is safe to repeat.

        Two events of one variant must not be handled at the same time.
        """
        if event.event_id in self._handled:
            self._counts.duplicates += 1
            verdict = EventOutcome.DUPLICATE
        elif (last := self._shown.get(event.variant_id)) is not None and event.rank < last:
            self._counts.late += 1
            verdict = EventOutcome.LATE
        else:
            if self._catalog is not None:
                await self._catalog.show_status(event.variant_id, event.status, event.occurred_at)
            self._shown.put(event.variant_id, event.rank)
            await self._notifier.notify(event)
            verdict = EventOutcome.HANDLED
        self._handled.put(event.event_id, None)
        lag = self._counts.took(event.occurred_at, self._clock.now())
        self._listener(EventHandled(event, verdict, lag, current_id()))
