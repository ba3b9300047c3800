"""Addresses that may carry a password: kept as `Secret`, and which parts of them may be shown.

As with other secrets, the plain text is never a variable of a frame that raises.
"""

from urllib.parse import quote

from typed_settings import Secret
from yarl import URL

from shelfport.adapters.runtime.secret_text import MASK


def scheme_of(address: Secret[str]) -> str:
    """The part before `://`."""
    return address.get_secret_value().partition("://")[0]


def place_of(address: Secret[str], port: int) -> str:
    """Host and port, for a sentence; `port` if the address has none."""
    url = URL(address.get_secret_value())
    return f"{url.host}:{url.port or port}"


def password_of(address: Secret[str]) -> Secret[str] | None:
    """The password, or the token in place of user and password; None if there is neither."""
    url = URL(address.get_secret_value())
    password = url.password if url.password is not None else url.user
    return None if password is None else Secret(password)


def mask_password(text: str, password: Secret[str] | None) -> str:
    """`text` with a mask in place of `password`, plain or percent-encoded."""
    if password is None or not password.get_secret_value():
        return text
    return text.replace(password.get_secret_value(), MASK).replace(
        quote(password.get_secret_value(), safe=""), MASK
    )
