"""`InitializationQueueConformance`: all cases of a queue."""

from typing import ClassVar

from shelfport.contracts.conformance.port_suite import PortSuite
from shelfport.contracts.conformance.queue.claiming import ClaimingCases
from shelfport.contracts.conformance.queue.outcomes import OutcomeCases
from shelfport.contracts.conformance.queue.storing import StoringCases
from shelfport.contracts.conformance.queue.waking import WakingCases


class InitializationQueueConformance(
    StoringCases, ClaimingCases, OutcomeCases, WakingCases, PortSuite
):
    """Every obligation of `InitializationQueue`, one case each.

    A subclass defines the fixture `harness`, which returns a `QueueHarness`::

        class TestMyQueue(InitializationQueueConformance):
            @pytest.fixture
            def harness(self, tmp_path: Path) -> MyQueueHarness:
                return MyQueueHarness(tmp_path / "queue.db")
    """

    breaks: ClassVar[bool] = False
    """`QueueHarness.broken` makes a client whose storage cannot be reached."""
