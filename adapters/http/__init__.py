"""The three HTTP operations of the Inventory Service, over aiohttp."""

from shelfport.adapters.http.adapter import HttpInventory
from shelfport.adapters.http.credentials import AuthOptions, HostSecret
from shelfport.adapters.http.session import HttpOptions
from shelfport.adapters.http.tls import TlsOptions, TlsSnapshot
from shelfport.adapters.http.watched import BadFile

__all__ = [
    "AuthOptions",
    "BadFile",
    "HostSecret",
    "HttpInventory",
    "HttpOptions",
    "TlsOptions",
    "TlsSnapshot",
]
