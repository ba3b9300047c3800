"""A small Product Service that embeds shelfport as a host would, and the story told with it."""

from shelfport.adapters.demo.catalogue import Catalogue, Product
from shelfport.adapters.demo.control import SandboxControl, ServiceControl, ServiceState
from shelfport.adapters.demo.run import run_demo
from shelfport.adapters.demo.service import product_service
from shelfport.adapters.demo.story import tell_story

__all__ = [
    "Catalogue",
    "Product",
    "SandboxControl",
    "ServiceControl",
    "ServiceState",
    "product_service",
    "run_demo",
    "tell_story",
]
