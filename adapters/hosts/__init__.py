"""What a host needs beyond `InventoryIntegration`, for each way of being a host: small, optional.

- `sync`: a host without an event loop of its own, or with several (`shelfport.sync`).
- `asgi`: FastAPI, Starlette, Litestar, Django under ASGI (`shelfport.asgi`).
- `wsgi`: Flask, Django under WSGI (`shelfport.wsgi`).
- `aiohttp_web`: aiohttp's own server (`shelfport.aiohttp_web`).

None of them imports a framework: what they speak are ASGI, WSGI and the context managers that
frameworks take.
"""
