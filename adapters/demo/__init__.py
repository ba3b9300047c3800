"""The demo: a small Product Service that embeds shelfport, and a scenario of an outage."""

from shelfport.adapters.demo.product_service import product_service
from shelfport.adapters.demo.products import Product, ProductCatalog
from shelfport.adapters.demo.scenario import run_scenario
from shelfport.adapters.demo.serve import run_demo
from shelfport.adapters.demo.service_control import SandboxControl, ServiceControl, ServiceState

__all__ = [
    "Product",
    "ProductCatalog",
    "SandboxControl",
    "ServiceControl",
    "ServiceState",
    "product_service",
    "run_demo",
    "run_scenario",
]
