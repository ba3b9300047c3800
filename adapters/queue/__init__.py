"""The worker: opens the inventory records that wait in the queue."""

from shelfport.adapters.queue.entry_processor import EntryProcessor
from shelfport.adapters.queue.options import QueueOptions
from shelfport.adapters.queue.worker import Worker

__all__ = ["EntryProcessor", "QueueOptions", "Worker"]
