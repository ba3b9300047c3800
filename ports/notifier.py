"""The port to the receivers of notifications: a team, a chat room, a pager."""

from typing import Protocol, runtime_checkable

from shelfport.domain.model import InventoryEvent


@runtime_checkable
class Notifier(Protocol):
    """Sends notifications of stock events.

    A notifier with resources is an async context manager as well: it is entered before the first
    event, and left after the last; then it can be entered again, in another event loop.
    Constructing it does no I/O.
    """

    async def notify(self, event: InventoryEvent) -> None:
        """Send a notification of `event`; with a two-way mapper, `event.host_id` is the host's own.

        Must be safe to repeat: after a crash or a later failure the same event comes again, with
        the same `event_id`. Must be quick: `events.attempt_timeout` cuts it off. After an exception
        the event is tried again, and in the end becomes a dead letter.
        """
        ...
