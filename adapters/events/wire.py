"""The events on the wire, as inventory-events.asyncapi.yaml names them.

The domain's events are in `shelfport.domain.model.events`.
"""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import msgspec

from shelfport.adapters.http.wire import Instant
from shelfport.domain.model import (
    InventoryBackInStock,
    InventoryEvent,
    InventoryLowStock,
    InventoryOutOfStock,
    ProductVariantId,
)


class StockEventBody(msgspec.Struct, frozen=True):
    """The payload of all three events; the message's type says which event it is."""

    event_id: UUID = msgspec.field(name="eventId")
    timestamp: Instant
    variant_id: ProductVariantId = msgspec.field(name="productVariantId")


EVENTS: Mapping[str, type[InventoryEvent]] = {
    "InventoryOutOfStockEvent": InventoryOutOfStock,
    "InventoryLowStockEvent": InventoryLowStock,
    "InventoryBackInStockEvent": InventoryBackInStock,
}
"""The events by their type: the header `type`, or the last part of a CloudEvent's `type`."""

CHANNELS: Mapping[str, type[InventoryEvent]] = {
    "inventory.out-of-stock": InventoryOutOfStock,
    "inventory.low-stock": InventoryLowStock,
    "inventory.back-in-stock": InventoryBackInStock,
}
"""The events by the address of their channel; each event has its own channel."""

JSON: Final = "application/json"
CLOUDEVENT: Final = "application/cloudevents+json"
"""A CloudEvent in structured mode (CloudEvents JSON format 1.0 §3)."""
TYPE: Final = "type"
"""The header of a message, or the attribute of a CloudEvent, with the type of the event."""


class CloudEvent(msgspec.Struct, frozen=True):
    """A CloudEvent 1.0 in structured mode, the members that are read (JSON format §3).

    Extension attributes may have any type: one of a wrong type is ignored, not the event.
    """

    specversion: str
    type: str
    data: msgspec.Raw = msgspec.Raw()
    """Its JSON text; empty where it is missing."""
    data_base64: bytes | None = None
    datacontenttype: str | None = None
    correlationid: Any = None
    traceparent: Any = None
