"""The checks, in their order. A new one is a row here and a function `Case -> Finding`."""

from typing import Final

from shelfport.adapters.cli.check.beside import bus, queue, shared
from shelfport.adapters.cli.check.connection import dns, tcp
from shelfport.adapters.cli.check.credentials import token
from shelfport.adapters.cli.check.model import Check
from shelfport.adapters.cli.check.reading import read
from shelfport.adapters.cli.check.secured import tls
from shelfport.adapters.cli.check.setup import adapter, settings

CHECKS: Final = (
    Check("settings", needs=(), run=settings),
    Check("adapter", needs=("settings",), run=adapter),
    Check("dns", needs=("adapter",), run=dns),
    Check("tcp", needs=("dns",), run=tcp),
    Check("tls", needs=("tcp",), run=tls),
    Check("token", needs=("tls",), run=token),
    Check("read", needs=("adapter", "token"), run=read),
    Check("queue", needs=("settings",), run=queue),
    Check("shared_cache", needs=("settings",), run=shared),
    Check("bus", needs=("settings",), run=bus),
)
