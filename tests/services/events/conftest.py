"""The buses that the tests of events run against, each with names of its own."""

import os
from collections.abc import AsyncIterator, Iterator

import pytest

from shelfport.adapters.events.options import EventOptions
from tests.services.events.buses import BUSES, clean
from tests.support.brokers import mock_kafka
from tests.support.services import address_of, unique


@pytest.fixture(scope="session")
def kafka_url() -> Iterator[str]:
    """Librdkafka's mock cluster: a real protocol, and no server to install."""
    with mock_kafka() as url:
        yield url


LONG = os.environ.get("SHELFPORT_LONG") == "1"


@pytest.fixture(params=[*BUSES, "kafka"] if LONG else BUSES)
def bus_name(request: pytest.FixtureRequest) -> str:
    """Each of the buses in turn; Kafka at length only, as joining its group takes seconds."""
    name: str = request.param
    return name


@pytest.fixture
async def options(bus_name: str, request: pytest.FixtureRequest) -> AsyncIterator[EventOptions]:
    """Options for the shared bus, under names of their own, which are deleted afterwards."""
    if bus_name == "kafka":
        url = request.getfixturevalue("kafka_url")
    else:
        url = address_of(BUSES[bus_name])
    name = unique("t")
    yield EventOptions(
        url=url,
        exchange=name,
        prefix=f"{name}.",
        consumer_group="shop",
        ack_timeout=4,
        max_attempts=3,
        attempt_timeout=1,
        base_delay=0.05,
        max_delay=0.5,
    )
    await clean(bus_name, url, name)
