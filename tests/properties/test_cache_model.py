"""The cache against a model of the service's history, in any interleaving, in virtual time."""

from hypothesis import settings

from tests.properties.cache_model import CacheModel

TestCacheModel = CacheModel.TestCase
TestCacheModel.settings = settings(stateful_step_count=40)
