"""The conformance suite of `Bus` on real brokers, each with names of its own."""

from types import TracebackType

import pytest

from shelfport.adapters.bus.opening import open_bus
from shelfport.adapters.events.options import EventOptions
from shelfport.contracts.conformance import BusConformance, BusHarness
from shelfport.ports import Bus
from tests.services.events.buses import BUSES, clean
from tests.services.events.conftest import LONG
from tests.support.services import address_of, unique


class BrokerHarness(BusHarness):
    """The buses of several replicas on a shared server; what they declared is deleted."""

    def __init__(self, kind: str, url: str | None = None) -> None:
        self._kind = kind
        self._url = url or address_of(BUSES[kind])
        self._name = unique("t")

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await clean(self._kind, self._url, self._name)

    def bus(self) -> Bus:
        return open_bus(
            EventOptions(
                url=self._url,
                exchange=self._name,
                prefix=f"{self._name}.",
                consumer_group="shop",
                ack_timeout=2,
                max_attempts=1,
                attempt_timeout=1,
            )
        )


class TestRabbitMq(BusConformance):
    @pytest.fixture
    def harness(self) -> BrokerHarness:
        harness = BrokerHarness("rabbitmq")
        harness.secret = "guest"
        return harness


class TestNats(BusConformance):
    @pytest.fixture
    def harness(self) -> BrokerHarness:
        return BrokerHarness("nats")


class TestRedisStreams(BusConformance):
    @pytest.fixture
    def harness(self) -> BrokerHarness:
        return BrokerHarness("redis")


if LONG:

    class TestKafka(BusConformance):
        """At length only, as joining a group takes seconds; the mock serves one member a group."""

        counts_deliveries = False
        many_replicas = False

        @pytest.fixture
        def harness(self, kafka_url: str) -> BrokerHarness:
            return BrokerHarness("kafka", kafka_url)
