"""Records through structlog's formatter, as a host with structlog gets them."""

import json
import logging
from collections.abc import Iterator
from io import StringIO

import pytest
import structlog

from shelfport import Settings, build
from shelfport.contracts.sandbox import Faults, Sandbox
from shelfport.signals import BreakerState
from tests.support.values import an_id


@pytest.fixture
def output() -> Iterator[StringIO]:
    """Where a handler with structlog's formatter writes, as docs/logs.md shows it."""
    output = StringIO()
    handler = logging.StreamHandler(output)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_log_level, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logger = logging.getLogger("shelfport")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield output
    logger.setLevel(level)
    logger.removeHandler(handler)


async def test_nothing_is_lost(output: StringIO) -> None:
    """A line has the event's name, its level, and all facts of the sentence as fields."""
    async with Sandbox() as sandbox, build(Settings(base_url=sandbox.url)) as inventory:
        await inventory.get_stock_level(an_id(1), correlation_id="page-17")
        sandbox.faults = Faults(error_rate=1, error_status=401)
        await inventory.get_stock_level(an_id(2), correlation_id="page-18")
        inventory.force_circuit(BreakerState.OPEN)

    answered, refused, opened = (json.loads(line) for line in output.getvalue().splitlines())
    assert ("inventory.call", "info", "page-17") == (
        answered["event"], answered["level"], answered["correlation_id"]
    )  # fmt: skip
    assert ("inventory.call", "error", "page-18", "Unauthorized", 401) == (
        refused["event"], refused["level"], refused["correlation_id"], refused["error"],
        refused["status"],
    )  # fmt: skip
    assert "401" in refused["detail"]
    assert {
        "event": "inventory.circuit_breaker",
        "level": "warning",
        "state": "open",
        "before": "closed",
        "detail": "forced",
    } == opened
