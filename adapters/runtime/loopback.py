"""Recognises hosts that are this machine, where requests need no encryption."""

from ipaddress import ip_address


def is_loopback(host: str | None) -> bool:
    """Whether `host`, a name or an address, is this machine."""
    if host is None:
        return False
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")  # RFC 6761 §6.3
