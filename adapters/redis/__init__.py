"""Redis as the cache that all replicas share: what talks to it, and what it is told.

Needs the extra `redis`; nothing of it is imported unless `shared_cache.url` is set.
"""

from shelfport.adapters.redis.client import RedisClient
from shelfport.adapters.redis.store import RedisStore

__all__ = ["RedisClient", "RedisStore"]
