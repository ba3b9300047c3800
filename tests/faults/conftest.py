import logging

import pytest


@pytest.fixture
def unlogged(caplog: pytest.LogCaptureFixture) -> None:
    """No records: pytest would keep those of 10,000 calls, with all that their errors refer to."""
    caplog.set_level(logging.CRITICAL + 1, "shelfport")
