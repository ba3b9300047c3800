import logging

import pytest


@pytest.fixture
def unlogged(caplog: pytest.LogCaptureFixture) -> None:
    """Turns logging off: pytest would keep the records of 10,000 calls, with their errors."""
    caplog.set_level(logging.CRITICAL + 1, "shelfport")
