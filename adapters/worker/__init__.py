"""The worker: opens the inventory records that wait in the queue."""

from shelfport.adapters.worker.attempt import Attempts
from shelfport.adapters.worker.options import QueueOptions
from shelfport.adapters.worker.worker import Worker

__all__ = ["Attempts", "QueueOptions", "Worker"]
