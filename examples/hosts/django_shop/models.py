"""Our products."""

from django.db import models


class Product(models.Model):
    variant = models.UUIDField(primary_key=True)
    name = models.TextField()
    orderable = models.BooleanField(default=False)
    status = models.TextField(null=True)
    status_as_of = models.DateTimeField(null=True)
