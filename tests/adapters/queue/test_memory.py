import pytest

from shelfport.contracts.conformance import InitializationQueueConformance, QueueHarness
from shelfport.outbox import InitializationQueue, InMemoryQueue
from tests.support.queue_cases import an_entry, queued


class MemoryQueueHarness(QueueHarness):
    def __init__(self) -> None:
        self.memory = InMemoryQueue()

    def queue(self) -> InitializationQueue:
        return self.memory


class TestInMemoryQueue(InitializationQueueConformance):
    """The queue in memory keeps every rule."""

    @pytest.fixture
    def harness(self) -> MemoryQueueHarness:
        return MemoryQueueHarness()


async def test_entries_outlive_the_scope() -> None:
    """Entries in memory are there when the queue is entered again."""
    queue = InMemoryQueue()
    port: InitializationQueue = queue
    async with queue:
        await queued(port, an_entry())
    async with queue:
        assert 1 == (await queue.stats()).waiting
    assert "InMemoryQueue(1 entries)" == repr(queue)
