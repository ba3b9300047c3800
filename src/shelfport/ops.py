"""The ops page: the live state and recent signals of an integration. Needs the extra `web`.

    recorder = Recorder()
    inventory = build(settings, telemetry=[recorder])
    app.add_subapp("/ops", ops_app(inventory, recorder, settings))     # aiohttp.web
    app.mount("/ops", ops_asgi(inventory, recorder, settings))         # Starlette, FastAPI, …

`badge` makes the text and colour that a customer sees for a product's availability.
"""

from shelfport.adapters.ops.aiohttp_app import ops_app
from shelfport.adapters.ops.asgi_app import ops_asgi
from shelfport.adapters.ops.badges import Badge, BadgeKind, badge
from shelfport.adapters.ops.log_entries import LogEntry
from shelfport.adapters.ops.recorder import Recorder

__all__ = ["Badge", "BadgeKind", "LogEntry", "Recorder", "badge", "ops_app", "ops_asgi"]
