"""`NotificationOptions`: which teams are notified of an event, and how often."""

from typing import Any

import attrs
from typed_settings import Secret
from yarl import URL

from shelfport.adapters.runtime.secret_text import optional_secret
from shelfport.domain.model.validators import number


def _webhook_url(_instance: object, field: "attrs.Attribute[Any]", value: Any) -> None:
    if value is None:
        return
    if not _is_web_address(value):
        raise ValueError(f"{field.name} is no URL of a webhook: it must begin with https://")


def _is_web_address(address: Secret[str]) -> bool:
    try:
        url = URL(address.get_secret_value())
    except ValueError:
        return False
    return url.scheme in {"http", "https"} and bool(url.host)


@attrs.frozen(kw_only=True)
class NotificationOptions:
    """Which teams are notified of an event, and how often. Durations are seconds."""

    cooldown: float = attrs.field(default=900.0, validator=number(0, unit="seconds"))
    """After a notification about a variant there is no other one for so long; then the latest
    status is notified, if it differs.

    Why: a team looks at a variant within a quarter of an hour."""
    webhook_timeout: float = attrs.field(default=3.0, validator=number(0.01, 300, unit="seconds"))
    """How long a webhook may take to answer.

    Why: below `events.attempt_timeout`, so that a dead letter's reason names the webhook."""
    out_of_stock_webhook: Secret[str] | None = attrs.field(
        default=None, converter=optional_secret, validator=_webhook_url
    )
    """The URL that gets a POST when a variant is out of stock. Never printed: it is a secret.

    Why: without it, the event is logged."""
    low_stock_webhook: Secret[str] | None = attrs.field(
        default=None, converter=optional_secret, validator=_webhook_url
    )
    """The URL that gets a POST when the stock of a variant is low. Never printed.

    Why: each kind of event may concern another team."""
    back_in_stock_webhook: Secret[str] | None = attrs.field(
        default=None, converter=optional_secret, validator=_webhook_url
    )
    """The URL that gets a POST when a variant can be sold again. Never printed.

    Why: each kind of event may concern another team."""
