"""Our views: synchronous ones, and one that is not."""

import json
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from django_shop.models import Product
from django_shop.stock import inventory
from shelfport import InitializationPolicy, InventoryError, health
from shelfport.outbox import enqueue_django


def show(_request: HttpRequest, variant: UUID) -> JsonResponse:
    stock = inventory.get_stock_level(variant)
    return JsonResponse({"variant": str(variant), "stock": str(stock)})


async def show_async(_request: HttpRequest, variant: UUID) -> JsonResponse:
    stock = await inventory.run(lambda inventory: inventory.get_stock_level(variant))
    return JsonResponse({"variant": str(variant), "stock": str(stock)})


@csrf_exempt
def create(request: HttpRequest) -> JsonResponse:
    new = json.loads(request.body)
    variant, policy = uuid4(), InitializationPolicy(new.get("policy", "ROLL_BACK"))
    try:
        with transaction.atomic():
            Product.objects.create(variant=variant, name=new["name"], orderable=not policy.queues)
            if policy.queues:  # the product and its entry: both, or neither
                entry = inventory.initialization_entry(variant, policy=policy)
                enqueue_django(connection, entry)
                transaction.on_commit(inventory.wake_worker)
            else:  # what it raises rolls the product back
                inventory.request_inventory_initialization(variant)
    except InventoryError:
        return JsonResponse({"detail": "The product was not created: try again."}, status=503)
    return JsonResponse({"variant": str(variant)}, status=201)


def ready(_request: HttpRequest) -> JsonResponse:
    found = health(inventory.snapshot())
    content = {"status": found.status.value, "reasons": found.reasons}
    return JsonResponse(content, status=200 if found.ready else 503)


urlpatterns = [
    path("products", create),
    path("products/<uuid:variant>", show),
    path("async/products/<uuid:variant>", show_async),
    path("readyz", ready),
]
