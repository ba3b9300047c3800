"""Changes of inventory-events.asyncapi.yaml."""

from tests.contracts.pact.edits import Change, drop, every, put, rename, strike

EVENT = "components|schemas|InventoryLowStockEvent|"
MESSAGE = "components|messages|InventoryLowStock|"

EVENT_CHANGES = [
    Change(
        "a member of an event renamed",
        rename(EVENT + "properties|timestamp", "occurredAt"),
        refused="the consumer reads `timestamp`, which is not there",
    ),
    Change(
        "a member of an event not required",
        strike(EVENT + "required", "eventId"),
        refused="the consumer reads `eventId`, which is not `required`",
    ),
    Change(
        "an event's instant as a number",
        put("components|schemas|Timestamp|type", "integer"),
        refused="is not of type 'integer'",
    ),
    Change(
        "an event's instant in any form",
        drop("components|schemas|Timestamp|format"),
        differs='"regex": "^[0-9]{4}(-[0-9]{2}',
    ),
    Change(
        "a channel renamed",
        put("channels|inventoryLowStock|address", "stock.low"),
        refused="no event InventoryLowStockEvent on the channel stock.low",
    ),
    Change(
        "two channels exchanged",
        every(
            put("channels|inventoryLowStock|address", "inventory.back-in-stock"),
            put("channels|inventoryBackInStock|address", "inventory.low-stock"),
        ),
        refused="no event InventoryLowStockEvent on the channel inventory.back-in-stock",
    ),
    Change(
        "an event renamed",
        put(MESSAGE + "name", "StockIsLow"),
        refused="the consumer knows no event StockIsLow",
    ),
    Change(
        "another type in the header",
        put(MESSAGE + "headers|properties|type|const", "low"),
        refused="the header `type` must be there, and be InventoryLowStockEvent",
    ),
    Change(
        "no type in the headers",
        drop(MESSAGE + "headers|required"),
        refused="the header `type` must be there",
    ),
    Change(
        "another media type",
        put(MESSAGE + "contentType", "application/cloudevents+json"),
        differs='"contentType": "application/cloudevents+json"',
    ),
    Change(
        "an operation removed",
        drop("operations|announceLowStock"),
        refused="the consumer listens to inventory.out-of-stock, inventory.low-stock",
    ),
    Change(
        "an operation renamed",
        rename("operations|announceLowStock", "tellLowStock"),
        differs='"operationId": "tellLowStock"',
    ),
    Change(
        "an operation the other way round",
        put("operations|announceLowStock|action", "receive"),
        refused="`action` must be `send`",
    ),
    Change(
        "two events on one channel",
        put(
            "channels|inventoryLowStock|messages|other",
            {"$ref": "#/components/messages/InventoryBackInStock"},
        ),
        refused="a channel must have exactly one event",
    ),
]
