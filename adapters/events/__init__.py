"""The Inventory Service's events: decoding, subscriptions, and what they do in the host."""

from shelfport.adapters.events.decode import Delivered, MalformedEvent, decode_event

__all__ = ["Delivered", "MalformedEvent", "decode_event"]
