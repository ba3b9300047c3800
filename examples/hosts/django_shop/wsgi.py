"""Under WSGI: `gunicorn --workers 2 --threads 4 django_shop.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

from shelfport.wsgi import WsgiRequestContextMiddleware

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_shop.settings")
application = WsgiRequestContextMiddleware(get_wsgi_application())

from django_shop.stock import inventory  # noqa: E402 - needs what was set up above

inventory.open()  # in each worker; with gunicorn's --preload: in the hook post_fork
