"""The errors of the contract tools: one sentence each, as it appears in a build's log."""

import os

import aiohttp


class ContractsError(Exception):
    """A contract tool could not do its work; the message is one sentence."""


def reason_of(error: Exception) -> str:
    """Why a connection failed, in the operating system's words where it has some."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"its certificate is not accepted ({error.certificate_error})"
    if isinstance(error, aiohttp.ClientConnectorError):
        number = error.os_error.errno
        return os.strerror(number) if number and number > 0 else str(error.os_error)
    return str(error) or type(error).__name__
