"""`BusNames`: what channels, groups and dead letters are called on the bus."""

from collections.abc import Mapping

import attrs

from shelfport.adapters.events.wire import CHANNELS
from shelfport.ports.message_bus import CHANNEL


@attrs.frozen(kw_only=True)
class BusNames:
    """What everything is called on the bus."""

    prefix: str = ""
    """Put before the address of every channel, and before the group's own names."""
    group: str = "shelfport"
    exchange: str = "inventory"
    """Where the service publishes on RabbitMQ; the other buses have no such thing."""

    @property
    def channels(self) -> dict[str, str]:
        """The channels by their names on the bus."""
        return {f"{self.prefix}{address}": address for address in CHANNELS}

    def channel_of(self, place: str, headers: Mapping[str, str]) -> str:
        """The channel of a message that lay at `place`; empty if it is none of ours.

        A dead letter lies elsewhere, and says itself which channel it came through.
        """
        return headers.get(CHANNEL) or self.channels.get(place, "")

    @property
    def own(self) -> str:
        """The group's own name on the bus."""
        return f"{self.prefix}{self.group}"

    @property
    def dead(self) -> str:
        """Where the group's dead letters lie."""
        return f"{self.own}.dead"

    @property
    def replayed(self) -> str:
        """Where they come back from, on a bus on which the channels are everybody's."""
        return f"{self.own}.replayed"
