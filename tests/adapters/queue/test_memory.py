import pytest

from shelfport.outbox import InitializationQueue, InMemoryQueue
from tests.support.queue_cases import QueueCases, an_entry, queued


class TestInMemoryQueue(QueueCases):
    """The queue in memory keeps every rule."""

    @pytest.fixture
    def queue(self) -> InMemoryQueue:
        return InMemoryQueue()

    @pytest.fixture
    def other(self, queue: InMemoryQueue) -> InMemoryQueue:
        return queue


async def test_entries_outlive_the_scope() -> None:
    """Entries in memory are there when the queue is entered again."""
    queue = InMemoryQueue()
    port: InitializationQueue = queue
    async with queue:
        await queued(port, an_entry())
    async with queue:
        assert 1 == (await queue.stats()).waiting
    assert "InMemoryQueue(1 entries)" == repr(queue)
