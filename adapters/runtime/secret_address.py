"""Addresses that may carry a password: kept as `Secret`, and what of them may be shown.

As with other secrets, the plain text is never a variable of a frame that raises.
"""

from urllib.parse import quote

from typed_settings import Secret
from yarl import URL

MASK = "*****"


def as_secret(address: Secret[str] | str) -> Secret[str]:
    """A converter for attrs: text becomes a secret as early as it can."""
    return address if isinstance(address, Secret) else Secret(address)


def scheme_of(address: Secret[str]) -> str:
    """What stands before `://`."""
    return address.get_secret_value().partition("://")[0]


def place_of(address: Secret[str], port: int) -> str:
    """Host and port, for a sentence; `port` where it names none."""
    url = URL(address.get_secret_value())
    return f"{url.host}:{url.port or port}"


def password_of(address: Secret[str]) -> Secret[str] | None:
    """Its password, or the token that stands in place of a user and a password; None without."""
    url = URL(address.get_secret_value())
    password = url.password if url.password is not None else url.user
    return None if password is None else Secret(password)


def masked(text: str, password: Secret[str] | None) -> str:
    """`text` with a mask in place of `password`, as it is or as an address spells it."""
    if password is None or not password.get_secret_value():
        return text
    return text.replace(password.get_secret_value(), MASK).replace(
        quote(password.get_secret_value(), safe=""), MASK
    )
