import time
from datetime import UTC, datetime

from shelfport import SystemClock


def test_now_is_utc() -> None:
    """The current instant is aware and in UTC."""
    before = datetime.now(UTC)

    assert before <= SystemClock().now() <= datetime.now(UTC)
    assert UTC is SystemClock().now().tzinfo


def test_monotonic() -> None:
    """The monotonic scale is Python's own, which event loops use, too."""
    before = time.monotonic()

    assert before <= SystemClock().monotonic() <= time.monotonic()
