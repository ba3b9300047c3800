"""`BusNames`: the names of channels, consumer group and dead letters on the bus."""

from collections.abc import Mapping

import attrs

from shelfport.adapters.events.wire import CHANNELS
from shelfport.ports.message_bus import CHANNEL


@attrs.frozen(kw_only=True)
class BusNames:
    """The names on the bus, made from the settings."""

    prefix: str = ""
    """Comes before the address of every channel, and before the group's own names."""
    group: str = "shelfport"
    exchange: str = "inventory"
    """Where the service publishes on RabbitMQ; no other bus has exchanges."""

    @property
    def channels(self) -> dict[str, str]:
        """The channels, by their names on the bus."""
        return {f"{self.prefix}{address}": address for address in CHANNELS}

    def channel_of(self, place: str, headers: Mapping[str, str]) -> str:
        """The channel of a message from `place`; empty if it is none of the contract's.

        The message of a dead letter names its channel in a header.
        """
        return headers.get(CHANNEL) or self.channels.get(place, "")

    @property
    def own(self) -> str:
        """The consumer group's name on the bus."""
        return f"{self.prefix}{self.group}"

    @property
    def dead(self) -> str:
        """Where the group's dead letters are."""
        return f"{self.own}.dead"

    @property
    def replayed(self) -> str:
        """Where replayed dead letters go, on a bus whose channels other groups read too."""
        return f"{self.own}.replayed"
