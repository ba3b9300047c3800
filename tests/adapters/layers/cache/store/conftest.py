import pytest

from shelfport import CacheOptions
from shelfport.adapters.layers import ReadingStore
from tests.support.listening import lowest

OPTIONS = CacheOptions(fresh_for=5, refresh_for=30, stale_for=300, unknown_for=4, jitter=0.2)


@pytest.fixture
def shelf() -> ReadingStore:
    return ReadingStore(OPTIONS, lowest)
