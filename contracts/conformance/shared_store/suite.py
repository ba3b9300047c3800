"""`SharedStoreConformance`: all cases of a shared store."""

from typing import ClassVar

from shelfport.contracts.conformance.port_suite import PortSuite
from shelfport.contracts.conformance.shared_store.absence import AbsenceCases
from shelfport.contracts.conformance.shared_store.fences import FenceCases
from shelfport.contracts.conformance.shared_store.leases import LeaseCases
from shelfport.contracts.conformance.shared_store.order import OrderCases
from shelfport.contracts.conformance.shared_store.values import ValueCases


class SharedStoreConformance(
    ValueCases, OrderCases, AbsenceCases, LeaseCases, FenceCases, PortSuite
):
    """Every obligation of `SharedStore`, one case each.

    A subclass defines the fixture `harness`, which returns a `SharedStoreHarness`::

        class TestMyStore(SharedStoreConformance):
            @pytest.fixture
            def harness(self) -> MyStoreHarness:
                return MyStoreHarness("memcached://127.0.0.1:11211")
    """

    breaks: ClassVar[bool] = False
    """`SharedStoreHarness.broken` makes a store whose server cannot be reached."""
    cuts: ClassVar[bool] = False
    """`SharedStoreHarness.cut` breaks the connections of `invalidations`."""
