"""The availability of a variant on a product page: a reading, or `Unavailable` with its reason."""

from enum import Enum

import attrs

from shelfport.domain.model.stock import StockReading

STOCK_INFORMATION_UNAVAILABLE = "Stock information unavailable"
"""The text that a page shows for `Unavailable`."""


class UnavailableReason(Enum):
    """Why the stock is not known: for operators and tests. A page shows one text for all."""

    UNKNOWN_VARIANT = "UNKNOWN_VARIANT"
    """The Inventory Service has no record of the variant."""
    TIMED_OUT = "TIMED_OUT"
    """The Inventory Service did not answer in time."""
    UNREACHABLE = "UNREACHABLE"
    """There is no connection to the Inventory Service, or none that can be trusted; or something
    else answers at its address."""
    OVERLOADED = "OVERLOADED"
    """The Inventory Service or this process is overloaded."""
    SERVICE_FAILED = "SERVICE_FAILED"
    """The Inventory Service answered with an error of its own (5xx)."""
    CIRCUIT_OPEN = "CIRCUIT_OPEN"
    """The circuit breaker is open after too many failures, so no request was sent."""
    REJECTED = "REJECTED"
    """The Inventory Service, or a firewall before it, rejects the request."""
    UNAUTHORIZED = "UNAUTHORIZED"
    """The Inventory Service does not accept the credentials."""
    CONTRACT_VIOLATION = "CONTRACT_VIOLATION"
    """The Inventory Service answered, but the answer breaks inventory-service.yaml."""
    TOO_OLD = "TOO_OLD"
    """A cache between this process and the Inventory Service answered, and its answer is older than
    the caller accepts (`max_staleness`)."""
    ADAPTER_FAULT = "ADAPTER_FAULT"
    """The adapter in use has a bug."""


@attrs.frozen
class Unavailable:
    """The stock of a variant is not known. Only `StockLookup` makes it."""

    reason: UnavailableReason

    def __str__(self) -> str:
        return STOCK_INFORMATION_UNAVAILABLE


Availability = StockReading | Unavailable
"""The value of a variant on a page: a closed union, for `match`."""
