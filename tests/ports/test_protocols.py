from shelfport import Clock, HttpInventory, InMemoryInventory, InventoryPort, SystemClock
from shelfport.adapters.layers import Cached, CacheOptions, Deadlined, Observed, Split, SplitOptions
from tests.support.ports import ScriptedPort


def test_every_adapter_and_layer_is_a_port() -> None:
    """Adapters and layers are ports to mypy, and to hosts whose injection checks at run time."""
    clock: Clock = SystemClock()
    memory: InventoryPort = InMemoryInventory(clock=clock)
    ports: list[InventoryPort] = [
        memory,
        HttpInventory("http://127.0.0.1:1", clock=clock),
        Cached(memory, clock, CacheOptions()),
        Deadlined(memory, clock, lambda: "id", 1.0),
        Observed(memory, clock),
        Split(memory, SplitOptions()),
        ScriptedPort(),
    ]

    assert [True] * len(ports) == [isinstance(port, InventoryPort) for port in ports]
