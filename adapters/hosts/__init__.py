"""Optional helpers for each kind of host.

- `sync`: hosts without an event loop, or with several (`shelfport.sync`).
- `asgi`: FastAPI, Starlette, Litestar, Django under ASGI (`shelfport.asgi`).
- `wsgi`: Flask, Django under WSGI (`shelfport.wsgi`).
- `aiohttp_web`: aiohttp's own server (`shelfport.aiohttp_web`).

They import no web framework: they use ASGI, WSGI and the context managers that frameworks take.
"""
