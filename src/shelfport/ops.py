"""The ops page: how an integration stands and what it did lately, live. Needs the extra `web`.

    recorder = Recorder()
    inventory = build(settings, telemetry=[recorder])
    app.add_subapp("/ops", ops_app(inventory, recorder, settings))     # aiohttp.web
    app.mount("/ops", ops_asgi(inventory, recorder, settings))         # Starlette, FastAPI, …

`badge` says of a product's availability what a customer reads.
"""

from shelfport.adapters.ops.aiohttp_app import ops_app
from shelfport.adapters.ops.asgi_app import ops_asgi
from shelfport.adapters.ops.badges import Badge, BadgeKind, badge
from shelfport.adapters.ops.recorder import Recorder

__all__ = ["Badge", "BadgeKind", "Recorder", "badge", "ops_app", "ops_asgi"]
