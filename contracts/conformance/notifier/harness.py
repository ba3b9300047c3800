"""`NotifierHarness`: makes a notifier, and knows what its receiver got."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from shelfport.contracts.conformance.port_suite import PortHarness, missing_method
from shelfport.ports import Notifier


class NotifierHarness(PortHarness, ABC):
    """The environment of one case of `NotifierConformance`."""

    @abstractmethod
    def notifier(self) -> Notifier:
        """A notifier, constructed; the suite enters it if it is an async context manager.

        The suite also calls it without an event loop, before it enters the harness, and uses one
        notifier in one event loop after another.
        """

    @abstractmethod
    def received(self) -> Sequence[object]:
        """What the receiver got so far, one element for each notification."""

    async def fail(self, failing: bool) -> None:  # noqa: ARG002 - for overrides
        """Make the receiver refuse everything, or end that. Belongs to `fails`."""
        raise missing_method("fail", "fails")

    async def hang(self) -> None:
        """Make the receiver answer nothing any more. Belongs to `hangs`."""
        raise missing_method("hang", "hangs")
