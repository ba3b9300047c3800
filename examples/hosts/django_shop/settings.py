"""Django's settings."""

import os

DATABASE = os.environ.get("SHOP_DATABASE", "shop.db")
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DATABASE,
        "OPTIONS": {"timeout": 30, "transaction_mode": "IMMEDIATE"},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = ["django_shop"]
ROOT_URLCONF = "django_shop.urls"
SECRET_KEY = "for this example alone"  # noqa: S105 - nothing is signed
USE_TZ = True
