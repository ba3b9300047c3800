"""Under ASGI: `uvicorn django_shop.asgi:application`, or hypercorn."""

import os

from django.core.asgi import get_asgi_application

from shelfport.asgi import AsgiRequestContextMiddleware, LifespanMiddleware

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_shop.settings")
django = get_asgi_application()

from django_shop.stock import inventory  # noqa: E402 - needs what was set up above

application = LifespanMiddleware(AsgiRequestContextMiddleware(django), inventory)
