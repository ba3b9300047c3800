"""Message buses: one subscriber, and a small part for each bus, imported only when it is used."""

from shelfport.adapters.bus.bus import Bus, Delivery, Message, Publisher, Source

__all__ = ["Bus", "Delivery", "Message", "Publisher", "Source"]
