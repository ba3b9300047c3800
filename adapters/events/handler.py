"""`EventHandler`: shows the status of an event in the host's catalog, and notifies the teams."""

from datetime import datetime
from uuid import UUID

from shelfport.adapters.events.counts import SubscriptionCounts
from shelfport.adapters.runtime.bounded_dict import BoundedDict
from shelfport.adapters.runtime.request_context import current_id
from shelfport.domain.model import InventoryEvent, ProductVariantId
from shelfport.ports import Clock, Listener, Notifier, ProductCatalogPort
from shelfport.ports.signals import EventHandled, EventOutcome, Signal


def no_listener(_signal: Signal) -> None:
    """A listener that ignores every signal."""


class EventHandler:
    """Handles the events of the consumer group: each once, and never an older one after a newer.

    An event whose `event_id` was handled before is a duplicate: nothing is done. An event that is
    older than the last one of its variant is late: it is neither shown nor notified. Both memories
    are bounded, and belong to this process: across processes and restarts, the catalog keeps the
    later `as_of`, and a webhook gets the `event_id`.

    Args:
        catalog: the host's catalog; None where the host shows no status.
        notifier: notifies the teams.
        clock: measures the lag.
        counts: counts what was done.
        dedup_entries: how many events and variants to remember.
        listener: gets the outcome of each event.
    """

    def __init__(
        self,
        catalog: ProductCatalogPort | None,
        notifier: Notifier,
        clock: Clock,
        counts: SubscriptionCounts,
        dedup_entries: int,
        *,
        listener: Listener = no_listener,
    ) -> None:
        self._catalog = catalog
        self._notifier = notifier
        self._clock = clock
        self._counts = counts
        self._listener = listener
        self._handled: BoundedDict[UUID, None] = BoundedDict(dedup_entries)
        self._shown: BoundedDict[ProductVariantId, tuple[datetime, UUID]] = BoundedDict(
            dedup_entries
        )

    async def handle(self, event: InventoryEvent) -> None:
        """Show the status of `event` and notify the teams. Safe to repeat after any exception.

        Two events of one variant must not be handled at the same time.
        """
        if event.event_id in self._handled:
            self._counts.duplicates += 1
            outcome = EventOutcome.DUPLICATE
        elif (last := self._shown.get(event.variant_id)) is not None and event.rank < last:
            self._counts.late += 1
            outcome = EventOutcome.LATE
        else:
            if self._catalog is not None:
                await self._catalog.show_status(event.variant_id, event.status, event.occurred_at)
            self._shown.put(event.variant_id, event.rank)
            await self._notifier.notify(event)
            outcome = EventOutcome.HANDLED
        self._handled.put(event.event_id, None)
        lag = self._counts.count_handled(event.occurred_at, self._clock.now())
        self._listener(EventHandled(event, outcome, lag, current_id()))
