"""The adapter over HTTP, and its seams: credentials of the host, observed requests."""

from shelfport.adapters.http import HostSecret, HttpInventory
from shelfport.ports.telemetry import ObservedRequest, RequestObserver

__all__ = [
    "HostSecret",
    "HttpInventory",
    "ObservedRequest",
    "RequestObserver",
]
