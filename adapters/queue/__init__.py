"""The queue of initializations (a transactional outbox) and the worker that processes it."""

from shelfport.adapters.queue.entry_processor import EntryProcessor
from shelfport.adapters.queue.options import QueueOptions
from shelfport.adapters.queue.worker import Worker

__all__ = ["EntryProcessor", "QueueOptions", "Worker"]
