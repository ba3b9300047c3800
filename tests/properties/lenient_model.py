"""What an answer that may be damaged tells at most, worked out from Python's own parser of JSON.

It shares nothing with the decoder but the domain's types, and is slow and plain. The decoder may
read less than the model, but never more stock.
"""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import attrs

from shelfport import ProductVariantId, StockLevel, StockStatus, variant_id
from shelfport.adapters.http.decode import Levels
from shelfport.ports import MAX_QUANTITY

RANK = {StockStatus.OUT_OF_STOCK: 0, StockStatus.LOW_STOCK: 1, StockStatus.IN_STOCK: 2}
Stock = tuple[int, int, bool]
"""A quantity, the rank of a status, and whether a checkout may go by them."""


class NoJson(Exception):
    """The bytes are nothing that Python's parser reads, even if it closes an eye."""


@attrs.frozen
class Told:
    """What an answer tells."""

    at_most: Mapping[ProductVariantId, Stock]
    """The stock of each variant of which an element can be read."""
    malformed: frozenset[ProductVariantId]
    """Variants of which no element can be read."""
    nameless: bool
    """Whether there are elements that say of no variant that they are about it."""
    elements: int


def value_of(content: bytes) -> Any:
    """The document; numbers are `Decimal`, and odd constants and text are kept.

    Raises:
        NoJson: it is none.
    """
    text = content.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    try:
        return json.loads(
            text, strict=False, parse_float=Decimal, parse_int=Decimal, parse_constant=str
        )
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise NoJson from error


def stock_of(element: Mapping[str, Any]) -> Stock | None:
    """The most that an element tells; None if its quantity is none."""
    number = element.get("availableQuantity")
    if not isinstance(number, Decimal) or number != number.to_integral_value():
        return None
    units = int(min(max(number, Decimal(0)), Decimal(MAX_QUANTITY)))
    status = element.get("status")
    words = re.sub(r"[\s_-]+", "", status).upper() if isinstance(status, str) else ""
    named = {s.value.replace("_", ""): s for s in StockStatus}.get(words)
    if named is StockStatus.OUT_OF_STOCK or units == 0:
        return 0, 0, named is not None
    return units, RANK[named or StockStatus.LOW_STOCK], named is not None


def told_by(document: Any) -> Told:
    """What an array tells: of two elements about one variant the lower stock."""
    stocks: dict[ProductVariantId, list[Stock | None]] = {}
    nameless = 0
    for element in document:
        try:
            variant = variant_id(element["productVariantId"])
        except (TypeError, KeyError, ValueError, IndexError):
            nameless += 1
        else:
            stocks.setdefault(variant, []).append(stock_of(element))
    readable = {
        variant: tuple(map(min, zip(*(s for s in several if s is not None), strict=True)))
        for variant, several in stocks.items()
        if any(s is not None for s in several)
    }
    return Told(
        readable,
        frozenset(stocks.keys() - readable.keys()),
        bool(nameless),
        len(document),
    )


def stock_in(level: StockLevel) -> Stock:
    """The same of what the decoder read."""
    return level.available_quantity, RANK[level.status], level.reported_status is None


def must_not_exceed(decoded: Levels, told: Told) -> None:
    """Check that no level has more than its answer tells."""
    for variant, level in decoded.by_id.items():
        read = stock_in(level)
        assert variant in told.at_most, f"{variant} is not told"
        most = told.at_most[variant]
        assert all(ours <= theirs for ours, theirs in zip(read, most, strict=True)), (
            f"read {read} of {variant}, and it tells {most}"
        )
