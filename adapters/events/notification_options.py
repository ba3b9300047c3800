"""`NotificationOptions`: which teams are told of an event, and how often."""

from typing import Any

import attrs
from typed_settings import Secret
from yarl import URL

from shelfport.domain.model.validators import number


def _secret(value: Secret[str] | str | None) -> Secret[str] | None:
    return Secret(value) if isinstance(value, str) else value


def _webhook_url(_instance: object, field: "attrs.Attribute[Any]", value: Any) -> None:
    if value is None:
        return
    if not _leads_to_a_webhook(value):
        raise ValueError(f"{field.name} is no URL of a webhook: it must begin with https://")


def _leads_to_a_webhook(address: Secret[str]) -> bool:
    try:
        url = URL(address.get_secret_value())
    except ValueError:
        return False
    return url.scheme in {"http", "https"} and bool(url.host)


@attrs.frozen(kw_only=True)
class NotificationOptions:
    """Which teams are told of an event, and how often. Durations are seconds."""

    cooldown: float = attrs.field(default=900.0, validator=number(0, unit="seconds"))
    """After a team was told of a variant, it is told nothing of it for so long, and then only the
    last word, if that is another.

    Why: a team that was told of a variant looks at it within a quarter of an hour."""
    webhook_timeout: float = attrs.field(default=3.0, validator=number(0.01, 300, unit="seconds"))
    """How long a webhook may take to answer.

    Why: below an attempt's time, so that the reason names the webhook."""
    out_of_stock_webhook: Secret[str] | None = attrs.field(
        default=None, converter=_secret, validator=_webhook_url
    )
    """Where to POST that a variant is out of stock. Never printed: such URLs are keys.

    Why: the log is told anyway."""
    low_stock_webhook: Secret[str] | None = attrs.field(
        default=None, converter=_secret, validator=_webhook_url
    )
    """Where to POST that the stock of a variant is low.

    Why: another kind of event is another team."""
    back_in_stock_webhook: Secret[str] | None = attrs.field(
        default=None, converter=_secret, validator=_webhook_url
    )
    """Where to POST that a variant can be sold again.

    Why: another kind of event is another team."""
