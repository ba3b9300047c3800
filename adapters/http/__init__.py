"""The three HTTP operations of the Inventory Service, over aiohttp."""

from shelfport.adapters.http.adapter import HttpInventory
from shelfport.adapters.http.transport.auth.credentials import AuthOptions, HostSecret
from shelfport.adapters.http.transport.reloading_file import BadFile
from shelfport.adapters.http.transport.session import HttpOptions
from shelfport.adapters.http.transport.tls.context import TlsOptions

__all__ = [
    "AuthOptions",
    "BadFile",
    "HostSecret",
    "HttpInventory",
    "HttpOptions",
    "TlsOptions",
]
