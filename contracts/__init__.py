"""Contracts with the Inventory Service: its API, its events, and a sandbox that keeps both."""

from importlib.resources import files

__all__ = ["inventory_service_yaml"]


def inventory_service_yaml() -> str:
    """The text of inventory-service.yaml (OpenAPI 3.0.3): the Inventory Service's precise API."""
    return files(__name__).joinpath("inventory-service.yaml").read_text("utf-8")
