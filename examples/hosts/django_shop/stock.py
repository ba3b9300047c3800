"""Our door to the Inventory Service: one for the process, whatever its views are.

Made here, and opened by `wsgi.py` and `asgi.py`, which servers import in each worker after the
fork; `manage.py migrate` and the like open nothing.
"""

from datetime import datetime

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connection, models

from django_shop.models import Product
from shelfport import (
    ProductVariantId,
    StockStatus,
    build,
    load_settings,
)
from shelfport.sync import SyncInventoryIntegration


class Catalog:
    """What shelfport does to our products; in Django's own thread, which has a connection."""

    async def mark_not_orderable(self, variant: ProductVariantId) -> None:
        await self._update(Product.objects.filter(variant=variant), orderable=False)

    async def mark_orderable(self, variant: ProductVariantId) -> None:
        await self._update(Product.objects.filter(variant=variant), orderable=True)

    async def show_status(
        self, variant: ProductVariantId, status: StockStatus, as_of: datetime
    ) -> None:
        older = models.Q(status_as_of=None) | models.Q(status_as_of__lt=as_of)
        shown = Product.objects.filter(older, variant=variant)
        await self._update(shown, status=status.value, status_as_of=as_of)

    @sync_to_async(thread_sensitive=False)
    def _update(self, products: "models.QuerySet[Product]", **values: object) -> None:
        try:
            products.update(**values)
        finally:
            connection.close()  # no request ends here, which would see to it


queue = {"queue.url": f"sqlite:///{settings.DATABASE}"}
inventory = SyncInventoryIntegration(build(load_settings(overrides=queue), catalog=Catalog()))
