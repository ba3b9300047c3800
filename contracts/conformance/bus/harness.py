"""`BusHarness`: makes the buses of several replicas."""

from abc import ABC, abstractmethod

from shelfport.contracts.conformance.port_suite import PortHarness, missing_method
from shelfport.ports import Bus


class BusHarness(PortHarness, ABC):
    """The environment of one case of `BusConformance`.

    On a shared server, give its exchange, subjects or streams names of their own, and delete them
    in `__aexit__`.
    """

    secret: str | None = None
    """A part of the address that must not be shown, such as a password; None if there is none."""

    @abstractmethod
    def bus(self) -> Bus:
        """The bus of another replica of one consumer group; it is empty at first.

        The suite also calls it without an event loop, before it enters the harness, and opens
        connections of one bus in one event loop after another. A bus that lives in one object
        returns this object each time.
        """

    async def cut(self) -> None:
        """Break every open connection. Belongs to `cuts`."""
        raise missing_method("cut", "cuts")
