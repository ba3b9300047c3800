"""Contracts with the Inventory Service: its API, its events, and a sandbox that keeps both."""

from importlib.resources import files

__all__ = ["inventory_events_yaml", "inventory_service_pact", "inventory_service_yaml"]


def inventory_service_yaml() -> str:
    """The text of inventory-service.yaml (OpenAPI 3.0.3): the Inventory Service's precise API."""
    return files(__name__).joinpath("inventory-service.yaml").read_text("utf-8")


def inventory_events_yaml() -> str:
    """The text of inventory-events.asyncapi.yaml (AsyncAPI 3.0): the events that it publishes."""
    return files(__name__).joinpath("inventory-events.asyncapi.yaml").read_text("utf-8")


def inventory_service_pact() -> str:
    """The text of the pact (V4) that shelfport asks the Inventory Service to keep."""
    return files(__name__).joinpath("pacts/shelfport-inventory-service.json").read_text("utf-8")
