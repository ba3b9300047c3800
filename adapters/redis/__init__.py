"""Redis as the shared cache: the client, the store, and the store's scripts.

Needs the extra `redis`, which is imported only if `shared_cache.url` is set.
"""

from shelfport.adapters.redis.client import RedisClient
from shelfport.adapters.redis.store import RedisStore

__all__ = ["RedisClient", "RedisStore"]
