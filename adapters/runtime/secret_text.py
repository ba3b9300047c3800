"""Secrets kept as `Secret`: converters, a comparison, and a mask for text that may quote one.

The plain text is never a local variable here, so that a traceback with variables, as error trackers
record it, does not show it.
"""

from collections.abc import Iterable
from typing import Any

from typed_settings import Secret

MASK = str(Secret("any text"))
"""How a `Secret` prints."""


def as_secret(value: Secret[str] | str) -> Secret[str]:
    """A converter for attrs: boxes text."""
    return Secret(value) if isinstance(value, str) else value


def optional_secret(value: Secret[str] | str | None) -> Secret[str] | None:
    """A converter for attrs: boxes text, and keeps None."""
    return None if value is None else as_secret(value)


def same_secret(one: Secret[Any], other: Secret[Any]) -> bool:
    """Whether two secrets are the same text; `==` of two `Secret`s compares the boxes."""
    return bool(one.get_secret_value() == other.get_secret_value())


def mask_secrets(text: str, secrets: Iterable[Secret[str]]) -> str:
    """`text` with a mask in place of each of `secrets`: a service may quote what it was sent."""
    for secret in secrets:
        if secret:  # an empty text occurs between any two characters
            text = text.replace(secret.get_secret_value(), MASK)
    return text
