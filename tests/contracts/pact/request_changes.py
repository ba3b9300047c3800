"""Changes of what inventory-service.yaml wants of requests, and what no pact can say."""

from tests.contracts.pact.edits import Change, add, drop, every, put, rename

LEVEL = "components|schemas|InventoryStockLevel|"
SENT = "components|schemas|InitializeInventoryRequest|"
ID = "components|schemas|ProductVariantId|"
PARAMETERS = "components|parameters|"
MANY = "paths|/inventory|get|"
ONE = "paths|/inventory/{productVariantId}|get|"
POST = "paths|/inventory|post|"


REQUEST_CHANGES = [
    Change(
        "a path renamed",
        rename("paths|/inventory", "/stock"),
        differs='"path": "/stock"',
    ),
    Change(
        "a path with a parameter renamed",
        rename("paths|/inventory/{productVariantId}", "/stock/{productVariantId}"),
        differs='"regex": "^/stock/',
    ),
    Change(
        "a path with two parameters",
        rename("paths|/inventory/{productVariantId}", "/{tenant}/inventory/{productVariantId}"),
        refused="tenant",
    ),
    Change(
        "a method changed",
        rename(POST.rstrip("|"), "put"),
        differs='"method": "PUT"',
    ),
    Change(
        "an operation renamed",
        put(ONE + "operationId", "readStockLevel"),
        refused="the consumer has no cases for the operation 'readStockLevel'",
    ),
    Change(
        "an operation removed",
        drop(POST.rstrip("|")),
        refused="operations that the consumer uses are gone: initializeInventory",
    ),
    Change(
        "an operation added",
        put(
            "paths|/inventory/{productVariantId}|delete",
            {
                "operationId": "closeInventory",
                "parameters": [{"$ref": "#/components/parameters/ProductVariantIdPath"}],
                "responses": {"204": {"description": "Closed."}},
            },
        ),
        refused="the consumer has no cases for the operation 'closeInventory'",
    ),
    Change(
        "a query parameter renamed",
        put(PARAMETERS + "ProductVariantIds|name", "ids"),
        refused="the consumer does not send `ids`",
    ),
    Change(
        "a query parameter repeated rather than joined",
        put(PARAMETERS + "ProductVariantIds|explode", True),
        refused="the consumer writes style `form` without `explode`, not `form` with True",
    ),
    Change(
        "a query parameter joined by pipes",
        put(PARAMETERS + "ProductVariantIds|style", "pipeDelimited"),
        refused="not `pipeDelimited` with False",
    ),
    Change(
        "fewer ids in one request",
        put(PARAMETERS + "ProductVariantIds|schema|maxItems", 100),
        differs="{1,99}$",
    ),
    Change(
        "at least three ids in one request",
        put(PARAMETERS + "ProductVariantIds|schema|minItems", 3),
        refused="the example breaks this schema",
    ),
    Change(
        "ids of another form",
        put(ID.rstrip("|"), {"type": "integer", "minimum": 0}),
        refused="is not of type 'integer'",
    ),
    Change(
        "ids of any form",
        put(
            PARAMETERS + "ProductVariantIdPath|schema",
            {"type": "string", "not": {"enum": ["00000000-0000-0000-0000-000000000000"]}},
        ),
        differs='"regex": "^/inventory/.+$"',
    ),
    Change(
        "the nil id allowed",
        drop(ID + "not"),
        refused="it excludes no value by `not`, so no id can be refused",
    ),
    Change(
        "the idempotency key renamed",
        put(PARAMETERS + "IdempotencyKey|name", "X-Request-ID"),
        refused="the consumer does not send `X-Request-ID`",
    ),
    Change(
        "the idempotency key of another form",
        put(PARAMETERS + "IdempotencyKey|schema", {"type": "string", "example": "k"}),
        refused="the consumer sends a UUID, and not 'k'",
    ),
    Change(
        "the idempotency key dropped",
        drop(POST + "parameters|0"),
        refused="the consumer sends what is not there: Idempotency-Key",
    ),
    Change(
        "the correlation id renamed",
        put(PARAMETERS + "CorrelationId|name", "X-Request-ID"),
        refused="the consumer sends what is not there: X-Correlation-ID",
    ),
    Change(
        "a shorter correlation id",
        put("components|schemas|CorrelationId|pattern", "^[!-~]{1,36}$"),
        differs='"regex": "^[!-~]{1,36}$"',
    ),
    Change(
        "a correlation id of an open pattern",
        put("components|schemas|CorrelationId|pattern", "[!-~]+"),
        refused="is not anchored at both ends",
    ),
    Change(
        "a correlation id as a cookie",
        put(PARAMETERS + "CorrelationId|in", "cookie"),
        refused="cookie",
    ),
    Change(
        "a header that is required",
        add(
            MANY + "parameters",
            {"name": "X-Tenant", "in": "header", "required": True, "schema": {"type": "string"}},
        ),
        refused="the consumer does not send `X-Tenant`",
    ),
    Change(
        "a member of a request renamed",
        every(
            rename(SENT + "properties|initialQuantity", "quantity"),
        ),
        refused="Additional properties are not allowed",
    ),
    Change(
        "a member of a request removed, from the examples too",
        every(
            drop(SENT + "properties|lowStockThreshold"),
            drop(SENT + "example|lowStockThreshold"),
            drop(
                POST
                + "requestBody|content|application/json|examples|stocked|value|lowStockThreshold"
            ),
        ),
        refused="no example has what the consumer sends",
    ),
    Change(
        "a member of a request that is required",
        every(
            put(SENT + "properties|warehouse", {"type": "string"}),
            add(SENT + "required", "warehouse"),
        ),
        refused="'warehouse' is a required property",
    ),
    Change(
        "requests in another media type",
        rename(POST + "requestBody|content|application/json", "application/merge-patch+json"),
        differs='"^application/merge-patch\\\\+json( *;.*)?$"',
    ),
    Change(
        "requests without a body",
        drop(POST + "requestBody"),
        refused="the consumer sends a body",
    ),
    Change(
        "reads with a body",
        put(
            MANY + "requestBody",
            {"content": {"application/json": {"schema": {"type": "object"}}}},
        ),
        refused="the consumer sends no body",
    ),
    Change(
        "keys in the place of tokens",
        put(
            "components|securitySchemes|bearer",
            {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        ),
        refused="there is no `scheme`",
    ),
    Change(
        "an operation without credentials",
        put(MANY + "security", []),
        refused="the security [] is not understood",
    ),
]

UNKNOWN_WORDS = [
    Change(
        "a member that may be one of two",
        put(LEVEL + "properties|status", {"oneOf": [{"type": "string"}, {"type": "integer"}]}),
        refused="inventory-service.yaml#/components/schemas/InventoryStockLevel/properties/status: "
        "the keyword `oneOf` is not understood",
    ),
    Change(
        "a member that is not something",
        put(LEVEL + "properties|status|not", {"type": "integer"}),
        refused="`$ref` has siblings",
    ),
    Change(
        "an id that is not something",
        put(ID + "not", {"pattern": "^0"}),
        refused="#/components/schemas/ProductVariantId/not: `not` is understood with `enum` only",
    ),
    Change(
        "members of any name",
        put(LEVEL + "additionalProperties", {"type": "string"}),
        refused="`additionalProperties` is understood as false only",
    ),
    Change(
        "parts that do not fit",
        put(LEVEL + "properties|availableQuantity|type", "string"),
        refused="`type` differs from the other parts of `allOf`",
    ),
    Change(
        "a reference out of the document",
        put(LEVEL + "properties|status|$ref", "other.yaml#/Status"),
        refused="the reference 'other.yaml#/Status' leaves this document",
    ),
    Change(
        "a reference to nothing",
        put(LEVEL + "properties|status|$ref", "#/components/schemas/Status"),
        refused="the reference #/components/schemas/Status leads nowhere",
    ),
    Change(
        "a reference to itself",
        put("components|schemas|StockStatus", {"$ref": "#/components/schemas/StockStatus"}),
        refused="this reference leads to itself",
    ),
]
