"""What a product page shows of a variant: a reading, or honestly nothing (R18)."""

from enum import Enum

import attrs

from shelfport.domain.model.stock import StockReading

STOCK_INFORMATION_UNAVAILABLE = "Stock information unavailable"
"""The words for a page that knows nothing of a variant's stock (R18)."""


class UnavailableReason(Enum):
    """Why nothing is known: for operators and tests; a page shows the same words for all."""

    UNKNOWN_VARIANT = "UNKNOWN_VARIANT"
    """The Inventory Service has no record of the variant."""
    TIMED_OUT = "TIMED_OUT"
    """It did not answer in the time that there was."""
    UNREACHABLE = "UNREACHABLE"
    """Nobody there, or no connection that could be trusted."""
    OVERLOADED = "OVERLOADED"
    """The Inventory Service, or this process, has more to do than it can."""
    SERVICE_FAILED = "SERVICE_FAILED"
    """It answered with a failure of its own (5xx)."""
    CIRCUIT_OPEN = "CIRCUIT_OPEN"
    """It failed often enough a moment ago that it was not asked."""
    REJECTED = "REJECTED"
    """It does not accept the request: most often, the address leads somewhere else."""
    UNAUTHORIZED = "UNAUTHORIZED"
    """It does not accept our credentials."""
    CONTRACT_VIOLATION = "CONTRACT_VIOLATION"
    """It answered, but not as inventory-service.yaml promises."""
    ADAPTER_FAULT = "ADAPTER_FAULT"
    """The adapter in use has a bug."""


@attrs.frozen
class Unavailable:
    """Nothing is known of a variant's stock. Made by the domain service, and nowhere below it."""

    reason: UnavailableReason

    def __str__(self) -> str:
        return STOCK_INFORMATION_UNAVAILABLE


Availability = StockReading | Unavailable
"""A value of the page: a closed union, for `match`."""
