import random

from shelfport import (
    InMemoryInventory,
    InventoryPort,
    Settings,
    SystemClock,
)
from shelfport.adapters.composition.stack import compose
from shelfport.adapters.layers import BreakerOptions, CircuitBreaker, PortCheckLayer
from shelfport.adapters.observability.signal_log import log_signal
from shelfport.adapters.runtime.background import Background
from shelfport.http import HttpInventory
from shelfport.layers import ChaosLayer
from shelfport.ports import Clock
from shelfport.signals import Listener


def test_every_adapter_and_layer_is_a_port() -> None:
    """Adapters and layers implement the port for mypy, and for `isinstance` at run time."""
    clock: Clock = SystemClock()
    listener: Listener = log_signal
    memory: InventoryPort = InMemoryInventory(clock=clock)
    http: InventoryPort = HttpInventory("http://127.0.0.1:1", clock=clock)
    chaos: InventoryPort = ChaosLayer(memory, random.uniform)
    stack = compose(
        chaos,
        Settings(),
        clock=clock,
        background=Background(),
        breaker=CircuitBreaker(BreakerOptions(), listener),
        listener=listener,
    )
    ports: list[object] = [memory, http, stack.pages]
    while (inner := getattr(ports[-1], "inner", None)) is not None:
        ports.append(inner)

    assert [
        "CacheLayer", "DeadlineLayer", "CoalescingLayer", "BatchingLayer", "IsolationLayer",
        "RetryLayer", "ConcurrencyLimitLayer", "AbandonedReadLayer", "CooldownLayer",
        "CircuitBreakerLayer", "RecordingLayer", "PortCheckLayer", "ChaosLayer",
        "InMemoryInventory",
    ] == [type(port).__name__ for port in ports[2:]]  # fmt: skip
    assert [True] * len(ports) == [isinstance(port, InventoryPort) for port in ports]
    assert isinstance(PortCheckLayer(memory), InventoryPort)
