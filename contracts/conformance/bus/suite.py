"""`BusConformance`: all cases of a message bus."""

from typing import ClassVar

from shelfport.contracts.conformance.bus.broadcast import BroadcastCases
from shelfport.contracts.conformance.bus.connections import ConnectionCases
from shelfport.contracts.conformance.bus.dead_letters import DeadLetterCases
from shelfport.contracts.conformance.bus.group import GroupCases
from shelfport.contracts.conformance.port_suite import PortSuite


class BusConformance(GroupCases, BroadcastCases, DeadLetterCases, ConnectionCases, PortSuite):
    """Every obligation of `Bus`, `Source`, `Delivery` and `Publisher`, one case each.

    A subclass defines the fixture `harness`, which returns a `BusHarness`::

        class TestMyBus(BusConformance):
            @pytest.fixture
            def harness(self) -> MyBusHarness:
                return MyBusHarness("mybus://127.0.0.1:9999")
    """

    counts_deliveries: ClassVar[bool] = True
    """The bus counts how often it delivered a message; if not, `delivery_count` is None."""
    many_replicas: ClassVar[bool] = True
    """The server behind the harness serves several replicas at once; a mock may not."""
    cuts: ClassVar[bool] = False
    """`BusHarness.cut` breaks open connections."""
