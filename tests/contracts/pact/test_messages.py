"""The decoder of events against the messages of the pact, through Pact's own verifier of them."""

import inspect
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from shelfport.adapters.events import Delivered, decode_event
from shelfport.adapters.events.wire import CHANNELS
from shelfport.contracts.pact.writing import FILE_NAME, new_pact, normal_form
from shelfport.domain.model import (
    InventoryBackInStock,
    InventoryEvent,
    InventoryLowStock,
    InventoryOutOfStock,
)
from tests.contracts.pact.expected import SECOND
from tests.contracts.pact.generated import COMMITTED, MESSAGES, AfterTheExamples

NOW = AfterTheExamples().now()

EXPECTED: dict[str, InventoryEvent] = {
    "InventoryOutOfStockEvent": InventoryOutOfStock(
        event_id=UUID("5a0f5f0e-7d6c-4a53-9f4e-2c0c8a3b1d77"),
        occurred_at=datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC),
        variant_id=SECOND,
    ),
    "InventoryLowStockEvent": InventoryLowStock(
        event_id=UUID("8f3d1d0c-3a3f-4a25-8b6e-0f6f5e1b9c21"),
        occurred_at=datetime(2026, 3, 14, 9, 20, tzinfo=UTC),
        variant_id=SECOND,
    ),
    "InventoryBackInStockEvent": InventoryBackInStock(
        event_id=UUID("c1a7e0d2-52f5-4f6f-9c0e-6d8b0c3f7e10"),
        occurred_at=datetime(2026, 3, 15, 8, 0, tzinfo=UTC),
        variant_id=SECOND,
    ),
}
"""Every message, by description: the event that the decoder makes of it."""


class Handler:
    """Gives Pact's messages to the decoder. It is no coroutine, because Pact would not await it."""

    def __init__(self) -> None:
        self.seen: list[Delivered] = []

    def __call__(self, body: str | bytes | None, metadata: dict[str, Any]) -> None:
        content = body.encode() if isinstance(body, str) else body or b""
        headers = {name: str(value) for name, value in metadata.items() if name != "contentType"}
        self.seen.append(
            decode_event(
                content, now=NOW, headers=headers, content_type=str(metadata["contentType"])
            )
        )


def test_every_message_is_expected() -> None:
    """The table of expectations has every message of the contract, and no other."""
    assert sorted(MESSAGES) == sorted(EXPECTED)


def test_pact_does_not_await_the_handler() -> None:
    """Pact calls its handler without awaiting it: a coroutine would never run, and would pass."""
    assert not inspect.iscoroutinefunction(Handler.__call__)


@pytest.mark.parametrize("description", EXPECTED)
def test_message(description: str, tmp_path: Path) -> None:
    """The decoder reads the contract's message, and that is committed."""
    handler = Handler()
    pact = new_pact(MESSAGES[description])

    pact.verify(handler, "Async")
    pact.write_file(tmp_path)

    assert [Delivered(event=EXPECTED[description])] == handler.seen
    [proven] = json.loads(normal_form((tmp_path / FILE_NAME).read_text("utf-8")))["interactions"]
    assert COMMITTED[description] == proven


@pytest.mark.parametrize("description", EXPECTED)
def test_the_channel_alone_is_enough(description: str) -> None:
    """The address of the channel says which event a message without headers is."""
    message = MESSAGES[description]
    content = COMMITTED[description]["contents"]["content"]

    delivered = decode_event(json.dumps(content).encode(), now=NOW, kind=CHANNELS[message.channel])

    assert EXPECTED[description] == delivered.event
