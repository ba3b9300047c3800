"""The adapter over HTTP, with the types for the host's own credentials and observers."""

from shelfport.adapters.http import HostSecret, HttpInventory
from shelfport.ports.telemetry import ObservedRequest, RequestObserver

__all__ = [
    "HostSecret",
    "HttpInventory",
    "ObservedRequest",
    "RequestObserver",
]
