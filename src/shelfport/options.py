"""The groups of `Settings`. docs/settings.md lists every setting."""

from shelfport.adapters.config.settings import InitializationOptions, LogOptions
from shelfport.adapters.events.notification_options import NotificationOptions
from shelfport.adapters.events.options import EventOptions
from shelfport.adapters.http import AuthOptions, HttpOptions, TlsOptions
from shelfport.adapters.layers import (
    BatchOptions,
    BreakerOptions,
    CacheOptions,
    LimitOptions,
    RetryOptions,
    SharedCacheOptions,
)
from shelfport.adapters.queue.options import QueueOptions
from shelfport.domain.model import IdFormat
from shelfport.domain.services.backoff import Backoff

__all__ = [
    "AuthOptions",
    "Backoff",
    "BatchOptions",
    "BreakerOptions",
    "CacheOptions",
    "EventOptions",
    "HttpOptions",
    "IdFormat",
    "InitializationOptions",
    "LimitOptions",
    "LogOptions",
    "NotificationOptions",
    "QueueOptions",
    "RetryOptions",
    "SharedCacheOptions",
    "TlsOptions",
]
