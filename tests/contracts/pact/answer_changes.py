"""Changes of what inventory-service.yaml promises of its answers."""

from tests.contracts.pact.edits import Change, add, drop, every, everywhere, put, rename, strike

LEVEL = "components|schemas|InventoryStockLevel|"
ITEM = "components|schemas|InventoryItem|"
QUANTITY = "components|schemas|Quantity|"
PROBLEM = "components|schemas|Problem|"
EXISTS = "components|schemas|RecordExistsProblem|"
RESPONSES = "components|responses|"
MANY = "paths|/inventory|get|"
ONE = "paths|/inventory/{productVariantId}|get|"
POST = "paths|/inventory|post|"
TYPE = "https://inventory.example/problems/"


def response_type(response: str) -> str:
    """The path of the problem type that a response of the yaml has."""
    inner = "content|application/problem+json|schema|allOf|1|properties|type"
    return f"{RESPONSES}{response}|{inner}|enum"


ANSWER_CHANGES = [
    Change(
        "a member of a level renamed",
        rename(LEVEL + "properties|availableQuantity", "available"),
        refused="the consumer reads `availableQuantity`, which is not there",
    ),
    Change(
        "a member of a level renamed, in the examples too",
        everywhere("availableQuantity", "available"),
        refused="the consumer reads `availableQuantity`, which is not there",
    ),
    Change(
        "a member of a level removed",
        drop(LEVEL + "properties|updatedAt"),
        refused="the consumer reads `updatedAt`, which is not there",
    ),
    Change(
        "a member of a level not required",
        strike(LEVEL + "required", "status"),
        refused="the consumer reads `status`, which is not `required`",
    ),
    Change(
        "a member of a level nullable",
        put(LEVEL + "properties|status", {"type": "string", "nullable": True}),
        refused="the keyword `nullable` is not understood",
    ),
    Change(
        "a quantity as text",
        put(QUANTITY + "type", "string"),
        refused="is not of type 'string'",
    ),
    Change(
        "a quantity as text, in the examples too",
        every(
            put(LEVEL + "properties|availableQuantity", {"type": "string"}),
            put(LEVEL + "example|availableQuantity", "100"),
        ),
        refused="is not of type 'string'",
    ),
    Change(
        "a quantity with fractions",
        put(QUANTITY + "type", "number"),
        refused="type number is not understood",
    ),
    Change(
        "a quantity below zero",
        put(QUANTITY + "minimum", -1),
        refused="type integer is not understood",
    ),
    Change(
        "a quantity beyond int32",
        put(QUANTITY + "maximum", 99_999_999_999),
        differs='"regex": "^[0-9]{1,11}$"',
    ),
    Change(
        "an instant without a time",
        put("components|schemas|UpdatedAt|format", "date"),
        refused="is not a 'date'",
    ),
    Change(
        "an instant in any form",
        drop("components|schemas|UpdatedAt|format"),
        differs='"regex": "^[0-9]{4}(-[0-9]{2}',
    ),
    Change(
        "a record's own id as a number",
        put(ITEM + "properties|id", {"type": "integer", "minimum": 0}),
        refused="is not of type 'integer'",
    ),
    Change(
        "a member of an item renamed",
        rename(ITEM + "properties|quantity", "onHand"),
        refused="the consumer reads `quantity`, which is not there",
    ),
    Change(
        "an answered id of any form",
        put(LEVEL + "properties|productVariantId", {"type": "string"}),
        refused="it must be a string of format uuid",
    ),
    Change(
        "a status added",
        add("components|schemas|StockStatus|enum", "DISCONTINUED"),
        differs='"^(IN_STOCK|LOW_STOCK|OUT_OF_STOCK|DISCONTINUED)$"',
    ),
    Change(
        "a status removed",
        strike("components|schemas|StockStatus|enum", "OUT_OF_STOCK"),
        differs='"^(IN_STOCK|LOW_STOCK)$"',
    ),
    Change(
        "a status of the examples removed",
        strike("components|schemas|StockStatus|enum", "LOW_STOCK"),
        refused="'LOW_STOCK' is not one of",
    ),
    Change(
        "statuses in small letters",
        put("components|schemas|StockStatus|enum", ["in_stock", "low_stock", "out_of_stock"]),
        refused="'IN_STOCK' is not one of",
    ),
    Change(
        "any status",
        drop("components|schemas|StockStatus|enum"),
        differs='"regex": "^(IN_STOCK|LOW_STOCK|OUT_OF_STOCK)$"',
    ),
    Change(
        "the levels inside an object",
        put(
            MANY + "responses|200|content|application/json|schema",
            {
                "type": "object",
                "properties": {"items": {"type": "array", "items": {"type": "object"}}},
            },
        ),
        refused="is not of type 'object'",
    ),
    Change(
        "answers in another media type",
        rename(ONE + "responses|200|content|application/json", "application/hal+json"),
        differs='"^application/hal\\\\+json( *;.*)?$"',
    ),
    Change(
        "answers in two media types",
        put(
            ONE + "responses|200|content|application/xml",
            {"schema": {"$ref": "#/components/schemas/InventoryStockLevel"}},
        ),
        refused="it has 2 content types",
    ),
    # Problems
    Change(
        "problems as plain JSON",
        rename(RESPONSES + "UnknownVariant|content|application/problem+json", "application/json"),
        differs='"regex": "^application/json( *;.*)?$"',
    ),
    Change(
        "a problem type renamed in its response",
        put(response_type("UnknownVariant"), [TYPE + "no-such-variant"]),
        refused="`enum` has no value that the other parts of `allOf` allow",
    ),
    Change(
        "a problem type renamed everywhere",
        every(
            strike(PROBLEM + "properties|type|enum", TYPE + "unknown-variant"),
            add(PROBLEM + "properties|type|enum", TYPE + "no-such-variant"),
            put(response_type("UnknownVariant"), [TYPE + "no-such-variant"]),
            put(
                RESPONSES + "UnknownVariant|content|application/problem+json|example|type",
                TYPE + "no-such-variant",
            ),
        ),
        refused="no case for this answer (no-such-variant)",
    ),
    Change(
        "a problem type replaced by another",
        put(response_type("KeyReused"), [TYPE + "invalid-request"]),
        refused="the example breaks this schema at `/type`",
    ),
    Change(
        "a response with two problem types",
        add(response_type("Forbidden"), TYPE + "unauthenticated"),
        refused="an answer must say which one problem type it has",
    ),
    Change(
        "a detail no longer promised",
        strike(PROBLEM + "required", "detail"),
        refused="the consumer reads `detail`, which is not `required`",
    ),
    Change(
        "a conflict without the level that is there",
        drop(EXISTS + "allOf|1|required"),
        refused="the consumer reads `current`, which is not `required`",
    ),
    Change(
        "the level of a conflict renamed",
        rename(EXISTS + "allOf|1|properties|current", "record"),
        refused="the consumer reads `current`, which is not there",
    ),
    Change(
        "a conflict of one kind only",
        drop(RESPONSES + "Conflict|content|application/problem+json|schema|oneOf|1"),
        refused="the example breaks this schema at",
    ),
    Change(
        "a conflict that no example shows",
        drop(RESPONSES + "Conflict|content|application/problem+json|examples|inProgress"),
        refused="no example of the answer keeps this branch",
    ),
    Change(
        "a conflict that is any of two",
        rename(RESPONSES + "Conflict|content|application/problem+json|schema|oneOf", "anyOf"),
        refused="the keyword `anyOf` is not understood",
    ),
    Change(
        "no time to wait",
        drop(RESPONSES + "TooManyRequests|headers|Retry-After"),
        refused="there is no `Retry-After`",
    ),
    Change(
        "a time to wait in any form",
        put(RESPONSES + "Unavailable|headers|Retry-After", {"schema": {"type": "string"}}),
        refused="the example breaks this schema",
    ),
    # Statuses
    Change(
        "a 404 dropped",
        drop(ONE + "responses|404"),
        refused="answers that the consumer handles are gone: 404 'of a variant without a record'",
    ),
    Change(
        "a 503 dropped",
        drop(MANY + "responses|503"),
        refused="answers that the consumer handles are gone: 503 'while the service is down'",
    ),
    Change(
        "a 422 turned into a 409",
        rename(POST + "responses|422", "410"),
        refused="no case for this answer (key-reused) of initializeInventory",
    ),
    Change(
        "a 201 turned into a 200",
        rename(POST + "responses|201", "200"),
        refused="no case for this answer",
    ),
    Change(
        "a status added",
        put(ONE + "responses|418", {"$ref": "#/components/responses/Forbidden"}),
        refused="no case for this answer (forbidden) of getStockLevel",
    ),
    Change(
        "a range of statuses",
        rename(ONE + "responses|500", "5XX"),
        refused="the status `5XX` is not understood",
    ),
    Change(
        "an example added",
        put(
            MANY + "responses|200|content|application/json|examples|three",
            {"value": []},
        ),
        refused="no case for this answer (three)",
    ),
]
