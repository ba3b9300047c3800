"""Secrets in request headers: which ones fit, and how they are set without showing in a `repr`.

The plain text is never a local variable here, so that a traceback with variables, as error trackers
record it, does not show it.
"""

import base64
from urllib.parse import quote_plus

from multidict import CIMultiDict
from typed_settings import Secret

from shelfport.adapters.runtime.secret_text import MASK


class _MaskedText(str):
    """A header's text as it is sent; its `repr`, as in a dict of headers, is a mask."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(MASK)


def fits_a_header(secret: Secret[str]) -> bool:
    """Whether it may go into a header: visible ASCII with blanks inside, and not empty."""
    return (
        0 < len(secret.get_secret_value()) <= 16_384
        and all(" " <= c <= "~" for c in secret.get_secret_value())
        and secret.get_secret_value() == secret.get_secret_value().strip()
    )


def set_secret(headers: "CIMultiDict[str]", name: str, prefix: str, secret: Secret[str]) -> None:
    """Set the header `name` to `prefix` followed by `secret`."""
    headers[name] = _MaskedText(prefix + secret.get_secret_value())


def set_basic(headers: "CIMultiDict[str]", name: str, user: str, secret: Secret[str]) -> None:
    """Set the header `name` to Basic credentials, both parts form-encoded (RFC 6749 §2.3.1)."""
    headers[name] = _MaskedText(
        "Basic "
        + base64.b64encode(
            f"{quote_plus(user)}:{quote_plus(secret.get_secret_value())}".encode()
        ).decode()
    )
