"""Parts of the stack that a host may use by itself: see docs/architecture.md."""

from shelfport.adapters.composition.stack import Layer
from shelfport.adapters.layers import ChaosLayer, CircuitBreaker, PortCheckLayer
from shelfport.adapters.layers.circuit_breaker.breaker import CallOutcome, Permit
from shelfport.adapters.layers.retry_budget import RetryBudget

__all__ = [
    "CallOutcome",
    "ChaosLayer",
    "CircuitBreaker",
    "Layer",
    "Permit",
    "PortCheckLayer",
    "RetryBudget",
]
