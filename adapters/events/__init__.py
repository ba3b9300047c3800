"""The Inventory Service's events, from the bytes of a message to the domain."""

from shelfport.adapters.events.decode import Delivered, MalformedEvent, decode_event

__all__ = ["Delivered", "MalformedEvent", "decode_event"]
