"""Which hosts are this machine: what goes there needs no encryption on the way."""

from ipaddress import ip_address


def is_loopback(host: str | None) -> bool:
    """Whether `host`, a name or an address, never leaves this machine."""
    if host is None:
        return False
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")  # RFC 6761 §6.3
