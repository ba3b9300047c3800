"""What a snapshot derives from what it holds."""

from datetime import UTC, datetime, timedelta

import pytest

from shelfport.ports.snapshot import TlsSnapshot

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER, LAST_WEEK = NOW + timedelta(days=30), NOW - timedelta(days=7)


@pytest.mark.parametrize(
    ("own", "service", "left"),
    [
        (None, None, None),
        (LATER, None, 30.0),
        (None, LATER, 30.0),
        (LATER, LAST_WEEK, -7.0),
    ],
)
def test_the_first_certificate_that_expires(
    own: datetime | None, service: datetime | None, left: float | None
) -> None:
    """The days left are those of the certificate that expires first; negative after that."""
    assert left == TlsSnapshot(own_expires=own, service_expires=service).days_left(NOW)
