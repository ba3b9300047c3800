"""A small Product Service that embeds shelfport as a host would, and the story told with it."""

from shelfport.adapters.demo.product_service import product_service
from shelfport.adapters.demo.products import Product, ProductCatalog
from shelfport.adapters.demo.scenario import run_scenario
from shelfport.adapters.demo.serve import run_demo
from shelfport.adapters.demo.service_control import SandboxControl, ServiceControl, ServiceState

__all__ = [
    "ProductCatalog",
    "Product",
    "SandboxControl",
    "ServiceControl",
    "ServiceState",
    "product_service",
    "run_demo",
    "run_scenario",
]
