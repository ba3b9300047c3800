import pytest

from shelfport.adapters.events.handler_retry import in_a_sentence


@pytest.mark.parametrize("text", ["a\r\nERROR forged", "\x1b[31mred", "\u202eback", "a\x00b"])
def test_a_sentence_is_one_printable_line(text: str) -> None:
    """The text of an error cannot forge another log record or dead letter."""
    said = in_a_sentence(ExceptionGroup("several", [LookupError(text)]))

    assert said.startswith("LookupError: ")
    assert said.isprintable()
