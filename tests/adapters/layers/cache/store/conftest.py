import pytest

from shelfport.adapters.layers import ReadingStore
from shelfport.options import CacheOptions
from tests.support.listening import lowest

OPTIONS = CacheOptions(
    ttl=5, stale_while_revalidate=25, stale_if_error=295, negative_ttl=4, jitter=0.2
)


@pytest.fixture
def store() -> ReadingStore:
    return ReadingStore(OPTIONS, lowest)
