"""`QueueHarness`: makes clients of one queue."""

from abc import ABC, abstractmethod

from shelfport.contracts.conformance.port_suite import PortHarness, missing_method
from shelfport.ports import InitializationQueue


class QueueHarness(PortHarness, ABC):
    """The environment of one case of `InitializationQueueConformance`."""

    @abstractmethod
    def queue(self) -> InitializationQueue:
        """A client of this harness's queue, constructed and not entered.

        The queue is empty at first. The suite opens several clients at once, as several workers
        would, and one after the other, as a restarted process would. It also opens one client
        again, in another event loop. A queue that lives in one object returns this object each
        time.
        """

    def broken(self) -> InitializationQueue:
        """A client, not entered, whose storage cannot be reached. Belongs to `breaks`."""
        raise missing_method("broken", "breaks")
