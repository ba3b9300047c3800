from pathlib import Path
from typing import Any

import attrs
import pytest

from shelfport import Settings, SettingsError
from shelfport.options import (
    BatchOptions,
    BreakerOptions,
    CacheOptions,
    HttpOptions,
    InitializationOptions,
    LimitOptions,
    RetryOptions,
    SharedCacheOptions,
)


def test_nothing_set() -> None:
    """Settings that name no service can be made, but no adapter is chosen for them."""
    settings = Settings()

    with pytest.raises(SettingsError, match=r'base_url is not set: .* or set adapter="memory"'):
        assert settings.adapter_name


def test_memory() -> None:
    """Stock is kept in memory where the settings say so, with a base URL, too."""
    assert "memory" == Settings(adapter="memory").adapter_name
    assert "memory" == Settings(adapter="memory", base_url="https://a.internal").adapter_name


def test_a_base_url() -> None:
    """With a base URL the HTTP adapter is used."""
    assert "http" == Settings(base_url="https://inventory.internal").adapter_name


@pytest.mark.parametrize(
    "url",
    [
        "https://inventory.internal",
        "https://inventory.internal:8443/api/",
        "http://127.0.0.1:8080",
        "http://127.8.9.1",
        "http://[::1]:8080",
        "http://localhost:8080",
        "http://inventory.localhost",
    ],
)
def test_base_urls(url: str) -> None:
    """Https to any host is accepted, and plain http to this machine."""
    assert url == Settings(base_url=url).base_url


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("inventory.internal", "it must begin with https:// or http:// and a host"),
        ("ftp://inventory.internal", "it must begin with https:// or http:// and a host"),
        ("https://", "it must begin with https:// or http:// and a host"),
        ("", "it must begin with https:// or http:// and a host"),
        (
            "https://me:secret@inventory.internal",
            "contains credentials, which would appear in logs",
        ),
        ("https://me@inventory.internal", "set `token` instead"),
        ("https://me:secret@inventory.internal:99999", "contains credentials"),
        ("https://inventory.internal:99999", "not a URL: Port out of range"),
        (
            "https://inventory.internal/\r\nERROR forged",
            "must not have blanks or control characters",
        ),
        ("https://inventory.internal?x=1", "must not have a query or a fragment"),
        ("https://inventory.internal#x", "must not have a query or a fragment"),
        ("http://[::1", "not a URL: Invalid IPv6 URL"),
        ("https://inventory.internal/" + "x" * 600, "it must have at most 512"),
        ("http://inventory.internal", "plain http to another machine can be read"),
        ("http://10.0.0.1", "use https, or set allow_plain_http"),
        (5, "base_url is 5: it must be a URL"),
    ],
)
def test_bad_base_urls(url: Any, sentence: str) -> None:
    """An invalid address is refused, and the message says what to do."""
    with pytest.raises(ValueError, match="base_url") as info:
        Settings(base_url=url)

    assert sentence in str(info.value)
    assert "secret" not in str(info.value)


def test_plain_http_by_choice() -> None:
    """Plain http to another machine needs `allow_plain_http`."""
    settings = Settings(base_url="http://inventory.internal", allow_plain_http=True)

    assert settings.plain_http_to_others


def test_a_token_is_not_shown() -> None:
    """A token given as text is kept as a secret: no repr and no str shows it."""
    settings = Settings(token="s3cret")

    assert settings.token is not None
    assert "s3cret" == settings.token.get_secret_value()
    assert "s3cret" not in f"{settings!r} {settings} {attrs.asdict(settings)}"


def test_a_redis_url_is_not_shown() -> None:
    """The address of a Redis is a secret, as it has a password."""
    options = SharedCacheOptions(url="rediss://shop:s3cret@cache.internal:6380/2")

    assert "s3cret" not in f"{options!r} {options} {attrs.asdict(options)}"
    assert options.url is not None
    assert "rediss://shop:s3cret@cache.internal:6380/2" == options.url.get_secret_value()


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("cache.internal:6379", "url is not the URL of a Redis"),
        ("http://shop:s3cret@cache.internal", "it must begin with rediss:// or redis://"),
        ("redis://:s3cret@", "url is not the URL of a Redis"),
        ("redis://:s3cret@cache.internal:99999", "url is not the URL of a Redis"),
        ("rediss://:s3cret@cache.internal?ssl_cert_reqs=none", "url has a query or a fragment"),
        ("redis://:s3cret@cache.internal/stock", "a path that is not the number of a database"),
        (5, "url is a int: it must be a URL"),
    ],
)
def test_bad_redis_urls(url: Any, sentence: str) -> None:
    """An address that is not a Redis URL is refused, and the message does not quote it."""
    with pytest.raises(ValueError, match="url") as info:
        SharedCacheOptions(url=url)

    assert sentence in str(info.value)
    assert "s3cret" not in f"{info.value} {info.value.__cause__} {info.value.__context__}"


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Settings(deadline=0), "deadline is 0: it must be 0.001 to 300 seconds"),
        (lambda: HttpOptions(attempt_timeout=-1), "attempt_timeout is -1: it must be 0.001 to 60"),
        (lambda: HttpOptions(connect_timeout=0), "connect_timeout is 0"),
        (lambda: HttpOptions(max_response_bytes=10), "max_response_bytes is 10: it must be 65536"),
        (lambda: CacheOptions(ttl=-1), "ttl is -1: it must be 0 seconds or more"),
        (
            lambda: CacheOptions(stale_if_error=5),
            "stale_if_error is 5: it must be at least stale_while_revalidate (25 seconds)",
        ),
        (lambda: BatchOptions(max_size=201), "max_size is 201: it must be 1 to 200 ids"),
        (
            lambda: BatchOptions(max_concurrency=0),
            "max_concurrency is 0: it must be 1 to 64 requests",
        ),
        (
            lambda: Settings(deadline=0.2, breaker=BreakerOptions(slow_call_duration=0.1)),
            "cache.soft_timeout is 0.2: it must be less than the deadline (0.2 seconds)",
        ),
        (
            lambda: Settings(deadline=0.8),
            "breaker.slow_call_duration is 0.8: it must be less than the",
        ),
        (
            lambda: Settings(http=HttpOptions(attempt_timeout=6)),
            "breaker.half_open_timeout is 5: it must be at least http.attempt_timeout (6 seconds)",
        ),
        (lambda: RetryOptions(max_attempts=0), "attempts is 0: it must be 1 to 10 attempts"),
        (lambda: RetryOptions(base_delay=2), "base_delay is 2: it must be at most max_delay"),
        (
            lambda: LimitOptions(max_concurrency=0),
            "max_concurrency is 0: it must be 1 to 10000 requests",
        ),
        (
            lambda: BreakerOptions(failure_rate_threshold=0),
            "failure_rate_threshold is 0: it must be 0.01 to 1 of all",
        ),
        (
            lambda: Settings(shared_cache=SharedCacheOptions(timeout=2)),
            "shared_cache.timeout is 2: it must be less than the deadline (2 seconds)",
        ),
        (lambda: SharedCacheOptions(timeout=0), "timeout is 0: it must be 0.001 to 10 seconds"),
        (lambda: SharedCacheOptions(prefix="a b"), "prefix is 'a b': it must be 1 to 64 letters"),
        (
            lambda: InitializationOptions(default_quantity=-1),
            "quantity is -1: it must be between 0 and",
        ),
        (
            lambda: InitializationOptions(default_low_stock_threshold=-1),
            "low_stock_threshold is -1",
        ),
    ],
)
def test_bounds(make: Any, sentence: str) -> None:
    """Every number has bounds, and a refusal names them."""
    with pytest.raises(ValueError, match="is") as info:
        make()

    assert sentence in str(info.value)


def test_frozen() -> None:
    """Settings do not change after they were made."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        Settings().deadline = 5  # type: ignore[misc]  # the point of the test


def test_every_setting_says_what_it_means() -> None:
    """Each field of each options class is followed by its documentation."""
    import inspect

    parts: tuple[type, ...] = (HttpOptions, CacheOptions, BatchOptions, RetryOptions)
    parts += (LimitOptions, BreakerOptions, SharedCacheOptions)
    for cls in (Settings, InitializationOptions, *parts):
        source = Path(inspect.getfile(cls)).read_text(encoding="utf-8")
        for field in attrs.fields(cls):
            if not attrs.has(field.type):
                declaration = source.split(f"    {field.name}: ", 1)[1]
                assert '"""' in declaration[:400], f"{cls.__name__}.{field.name}"
