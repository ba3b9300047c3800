"""The part of docs/settings.md about settings that are refused together."""

from collections.abc import Mapping
from enum import Enum
from typing import Any

from docs.generate.docstrings import table
from shelfport import Settings

Example = Mapping[str, Mapping[str, Any]]

REFUSED_TOGETHER: tuple[Example, ...] = (
    {"cache": {"stale_while_revalidate": 60, "stale_if_error": 30}},
    {"": {"deadline": 0.2}},
    {"": {"deadline": 0.8}},
    {"breaker": {"half_open_timeout": 0.5}},
    {"shared_cache": {"timeout": 2}},
    {"retry": {"base_delay": 2}},
    {"queue": {"base_delay": 900}},
    {"queue": {"lease": 30}},
    {"events": {"base_delay": 6}},
    {"events": {"ack_timeout": 10}},
    {"tls": {"key_file": "shop.key"}},
    {"auth": {"secret_file": "token"}},
    {"auth": {"scheme": "bearer", "secret": "s3cret", "secret_file": "token"}},
    {"auth": {"scheme": "client_credentials", "secret": "s3cret"}},
    {
        "auth": {
            "scheme": "client_credentials",
            "client_id": "shop",
            "token_url": "https://auth.internal/token",
        }
    },
    {"": {"token": "t0ken"}, "auth": {"scheme": "api_key", "secret": "s3cret"}},
    {"": {"adapter": "http"}},
    {"": {"base_url": "http://inventory.internal"}},
)
"""Settings that are allowed alone and refused with the others: one example of each rule."""


def refused_together(groups: Mapping[str, type]) -> list[str]:
    """The section: each example and the sentence with which it is refused."""
    return [
        "## Refused together",
        "",
        "Some values contradict others. Then nothing starts, and a sentence says why.",
        "",
        *table(
            "for example",
            "the sentence",
            rows=[
                [_settings_of(example), refusal(groups, example)] for example in REFUSED_TOGETHER
            ],
        ),
    ]


def _settings_of(example: Example) -> str:
    return ", ".join(
        f"`{group}.{name} = {_toml(value)}`".replace("`.", "`")
        for group, values in example.items()
        for name, value in values.items()
    )


def _toml(value: object) -> str:
    """A value as a settings file spells it."""
    if isinstance(value, Enum):
        value = value.value
    return f'"{value}"' if isinstance(value, str) else str(value)


def refusal(groups: Mapping[str, type], example: Example) -> str:
    """The sentence with which these settings are refused."""
    parts: dict[str, Any] = {}
    for group, values in sorted(example.items(), reverse=True):
        try:
            if group:
                parts[group] = groups[group](**values)
            else:
                Settings(**parts, **values)
        except ValueError as refused:
            return f"{group}.{refused}" if group else str(refused)
    try:
        Settings(**parts)
    except ValueError as refused:
        return str(refused)
    raise AssertionError(f"{example} is not refused: take it off the list")
