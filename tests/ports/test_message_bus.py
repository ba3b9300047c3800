"""What every bus writes of a dead letter."""

from shelfport.ports.message_bus import CHANNEL, REASON, Message, dead_letter_headers


def test_a_dead_letter_says_why_and_from_where() -> None:
    """The headers of a dead letter have its reason and the channel that it came from."""
    message = Message(b"{}", channel="inventory.low-stock", headers={})

    assert {
        REASON: "not JSON",
        CHANNEL: "inventory.low-stock",
    } == dead_letter_headers(message, "not JSON")
