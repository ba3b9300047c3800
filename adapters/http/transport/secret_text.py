"""Secrets on their way: kept as `Secret`, put into a header, taken out of foreign words.

The plain text is never a local variable of ours: where a frame ends up in a traceback with its
variables, as error trackers have them, there is nothing in it to read.
"""

import base64
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote_plus

from multidict import CIMultiDict
from typed_settings import Secret

MASK = str(Secret("masked whatever it is"))


class _Masked(str):
    """The text of a header for the wire; in a `repr`, such as that of a dict of headers, none."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(MASK)


def optional_secret(value: Secret[str] | str | None) -> Secret[str] | None:
    """A converter for attrs: text becomes a secret as early as it can."""
    return Secret(value) if isinstance(value, str) else value


def fits_a_header(secret: Secret[str]) -> bool:
    """Whether it may go into a header: visible ASCII with blanks inside, and not empty."""
    return (
        0 < len(secret.get_secret_value()) <= 16_384
        and all(" " <= c <= "~" for c in secret.get_secret_value())
        and secret.get_secret_value() == secret.get_secret_value().strip()
    )


def present(headers: "CIMultiDict[str]", name: str, prefix: str, secret: Secret[str]) -> None:
    """Set the header `name` to `secret`, after `prefix`."""
    headers[name] = _Masked(prefix + secret.get_secret_value())


def present_basic(headers: "CIMultiDict[str]", name: str, user: str, secret: Secret[str]) -> None:
    """Set the header `name` to Basic credentials, form-encoded before (RFC 6749 §2.3.1)."""
    headers[name] = _Masked(
        "Basic "
        + base64.b64encode(
            f"{quote_plus(user)}:{quote_plus(secret.get_secret_value())}".encode()
        ).decode()
    )


def hidden(text: str, secrets: Iterable[Secret[str]]) -> str:
    """`text` with a mask in place of each of `secrets`: a service may quote what it was sent."""
    for secret in secrets:
        if secret:  # of the empty text there is one between any two characters
            text = text.replace(secret.get_secret_value(), MASK)
    return text


def same(one: Secret[Any], other: Secret[Any]) -> bool:
    """Whether two secrets are the same text; of two `Secret`s, `==` compares the boxes."""
    return bool(one.get_secret_value() == other.get_secret_value())
