"""Elements that break the contract and are repaired: one row for each way."""

from datetime import datetime

import attrs

from shelfport import StockLevel, StockStatus
from shelfport.ports import MAX_QUANTITY
from tests.support.clocks import EPOCH
from tests.support.values import an_id

A = an_id(1)
IN, LOW, OUT = StockStatus


@attrs.frozen
class Row:
    """An element of variant A that breaks the contract, and what becomes of it."""

    values: dict[str, str | None]
    """The JSON of the members that break it."""
    quantity: int
    status: StockStatus
    repaired: dict[str, str]
    """What is recorded of each member that was repaired, before the words 'for variant'."""
    reported: str | None = None
    updated_at: datetime | None = EPOCH

    @property
    def level(self) -> StockLevel:
        return StockLevel(A, self.quantity, self.status, self.updated_at, self.reported)


def quantity(had: str, read: int, reads_as: StockStatus = IN) -> Row:
    return Row({"availableQuantity": had}, read, reads_as, {"availableQuantity": had})


def status(had: str | None, read: StockStatus, reported: str | None, shown: str = "") -> Row:
    return Row({"status": had}, 5, read, {"status": shown or had or "nothing"}, reported)


def updated(had: str | None, shown: str = "") -> Row:
    repaired = {"updatedAt": shown or had or "nothing"}
    return Row({"updatedAt": had}, 5, IN, repaired, updated_at=None)


REPAIRED = {
    "negative": quantity("-3", 0, OUT),
    "far below zero": Row(
        {"availableQuantity": "-" + "9" * 5_000}, 0, OUT, {"availableQuantity": f"-{'9' * 62}…"}
    ),
    "beyond int32": quantity("2147483648", MAX_QUANTITY),
    "beyond int64": quantity("9" * 30, MAX_QUANTITY),
    "beyond a double": quantity("1e999", MAX_QUANTITY),
    "far below a double": quantity("-1e999", 0, OUT),
    "whole, with a point": quantity("5.0", 5),
    "whole, with an exponent": quantity("5e0", 5),
    "none, with a point": Row(
        {"availableQuantity": "0.0"},
        0,
        OUT,
        {"availableQuantity": "0.0", "status": '"IN_STOCK" beside 0 units'},
    ),
    "unknown status": status('"BACKORDER"', LOW, "BACKORDER"),
    "unknown status without stock": Row(
        {"status": '"BACKORDER"', "availableQuantity": "0"},
        0,
        OUT,
        {"status": '"BACKORDER"'},
        "BACKORDER",
    ),
    "status null": status("null", LOW, "null"),
    "no status": status(None, LOW, ""),
    "empty status": status('""', LOW, ""),
    "status true": status("true", LOW, "true"),
    "status in a list": status('["IN_STOCK"]', LOW, '["IN_STOCK"]'),
    "status without quotes": status("INSTOCK", LOW, "INSTOCK"),
    "long status": status(f'"{"x" * 99}"', LOW, "x" * 64, f'"{"x" * 62}…'),
    "status with a line break": status('"SOLD\nOU\\u0054"', LOW, "SOLD OUT", '"SOLD OU\\u0054"'),
    "status with many blanks": status(f'"IN_STOCK{" " * 64}"', LOW, "IN_STOCK", '"IN_STOCK "'),
    "half an emoji in the status": status('"IN_STOCK\\ud83d"', LOW, "IN_STOCK"),
    "not UTF-8 in the status": status('"\udc80"', LOW, "\ufffd" * 3, '"\ufffd\ufffd\ufffd"'),
    "no JSON escape in the status": status('"IN\\xSTOCK"', LOW, "IN\\xSTOCK"),
    "small letters": status('"in_stock"', IN, None),
    "words with hyphens": status('"Low-Stock"', LOW, None),
    "words with blanks": status('" in stock "', IN, None),
    "two words in one": status('"InStock"', IN, None),
    "out of stock in small letters": Row(
        {"status": '"out-of-stock"'},
        0,
        OUT,
        {"status": '"out-of-stock"', "availableQuantity": "5 beside out-of-stock"},
    ),
    "in stock without units": Row(
        {"availableQuantity": "0"}, 0, OUT, {"status": '"IN_STOCK" beside 0 units'}
    ),
    "low stock without units": Row(
        {"availableQuantity": "0", "status": '"LOW_STOCK"'},
        0,
        OUT,
        {"status": '"LOW_STOCK" beside 0 units'},
    ),
    "out of stock with units": Row(
        {"status": '"OUT_OF_STOCK"'}, 0, OUT, {"availableQuantity": "5 beside OUT_OF_STOCK"}
    ),
    "no zone": updated('"2026-01-01T09:00:00"'),
    "instant null": updated("null"),
    "no instant": updated(None),
    "milliseconds": updated("1767225600000"),
    "a leap second": updated('"2016-12-31T23:59:60Z"'),
    "no such day": updated('"2026-02-30T09:00:00Z"'),
    "a date of HTTP": updated('"Thu, 01 Jan 2026 09:00:00 GMT"'),
    "yesterday": updated('"yesterday"'),
    "half an emoji in the instant": updated('"\\ud83d"'),
    "all at once": Row(
        {"availableQuantity": "-1", "status": "null", "updatedAt": "null"},
        0,
        OUT,
        {"availableQuantity": "-1", "status": "null", "updatedAt": "null"},
        "null",
        None,
    ),
}
