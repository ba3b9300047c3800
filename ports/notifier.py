"""The port to whoever wants to be told that stock changed: a team, a chat room, a pager."""

from typing import Protocol, runtime_checkable

from shelfport.domain.model import InventoryEvent


@runtime_checkable
class Notifier(Protocol):
    """Tells people of events (R12).

    A notifier that holds resources is an async context manager as well: entered once, before the
    first event, and left after the last. Constructing it does no I/O.
    """

    async def notify(self, event: InventoryEvent) -> None:
        """Tell of `event`.

        Must be safe to repeat: after a crash, or a failure further on, the same event comes again
        under the same `event_id`. Must not wait for long: it is cut off with the whole attempt. Any
        exception means "not told": it is tried again, and in the end the event is dead-lettered.
        """
        ...
