"""A validator for the address of a service in a setting."""

from typing import Any

import attrs
from yarl import URL

from shelfport.adapters.runtime.loopback import is_loopback

_LONGEST = 512
"""Characters: 200 ids take 7,400 of a request target's 8,000 bytes; the base URL takes the rest."""


def plain_address(_instance: object, field: "attrs.Attribute[Any]", value: Any) -> None:
    """A validator: a http(s) URL with a host, without credentials, query and fragment; or None."""
    if value is None:
        return
    example = "such as 'https://inventory.internal'"
    if not isinstance(value, str):
        raise ValueError(f"{field.name} is {value!r}: it must be a URL, {example}")
    if "@" in value.partition("//")[2].partition("/")[0]:
        # Checked first, so that no other message quotes the password.
        raise ValueError(
            f"{field.name} contains credentials, which would appear in logs: set `token` instead"
        )
    if not value.isprintable() or " " in value:
        # URL parsers drop line breaks; a log record does not.
        raise ValueError(
            f"{field.name} is {value!r}: it must not have blanks or control characters"
        )
    try:
        url = URL(value)
        host = url.host
    except ValueError as error:
        raise ValueError(f"{field.name} is {value!r}, which is not a URL: {error}") from error
    if url.scheme not in {"http", "https"} or not host:
        raise ValueError(
            f"{field.name} is {value!r}: it must begin with https:// or http:// and a host, "
            f"{example}"
        )
    if url.query_string or url.fragment:
        raise ValueError(f"{field.name} is {value!r}: it must not have a query or a fragment")
    if len(value) > _LONGEST:
        raise ValueError(
            f"{field.name} has {len(value)} characters: it must have at most {_LONGEST}"
        )


def plain_http_to_others(address: str | None) -> bool:
    """Whether requests to `address` leave this machine unencrypted."""
    if address is None:
        return False
    url = URL(address)
    return url.scheme == "http" and not is_loopback(url.host)
