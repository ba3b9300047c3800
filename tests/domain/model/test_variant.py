from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

import pytest

from shelfport import variant_id
from shelfport.domain.model import IdFormat, ProductVariantId, distinct
from shelfport.domain.model.variant import is_variant_id

CANONICAL = "c9bf9e57-1685-4c89-bafb-ff5af830be8a"
NIL = str(UUID(int=0))
NO_TEXT_ID = "it must be 1 to 128 ASCII characters from '!' to '~', and not '.' or '..'"
NO_UUID = "it must be a UUID, such as 'c9bf9e57-1685-4c89-bafb-ff5af830be8a'"


class Sku(StrEnum):
    SCARF = "SCARF-BLUE"
    CAPITALS = "C9BF9E57-1685-4C89-BAFB-FF5AF830BE8A"


class Loud(str):
    """A text that prints itself in another way."""

    __slots__ = ()

    def __str__(self) -> str:
        return self.upper()


def refusal(value: Any, id_format: IdFormat = IdFormat.UUID) -> str:
    with pytest.raises(ValueError, match="is not a variant id") as info:
        variant_id(value, id_format)
    return str(info.value)


@pytest.mark.parametrize(
    "spelling",
    [
        CANONICAL,
        CANONICAL.upper(),
        CANONICAL.replace("-", ""),
        f"{{{CANONICAL}}}",
        f"urn:uuid:{CANONICAL}",
        UUID(CANONICAL),
        Sku.CAPITALS,
    ],
)
def test_one_canonical_form(spelling: UUID | str) -> None:
    """Every spelling of a UUID has one id: 36 characters in lower case."""
    assert CANONICAL == variant_id(spelling)


def test_canonical_text_is_taken_as_it_is() -> None:
    """A text in canonical form costs no copy."""
    text = str(uuid4())

    assert text is variant_id(text)


@pytest.mark.parametrize("text", ["", "abc", CANONICAL + "0", CANONICAL + "\n", "12", "x" * 60])
def test_not_a_uuid(text: str) -> None:
    """Other text is refused; the message quotes it and shows an example."""
    assert f"{text!r} is not a variant id: {NO_UUID}" == refusal(text)


@pytest.mark.parametrize("length", [61, 10_000])
def test_long_text_is_not_quoted_whole(length: int) -> None:
    """At most 60 characters of a long text are quoted."""
    text = ("0123456789" * 1000)[:length]

    assert f"'{'0123456789' * 5}0123456...' is not a variant id: {NO_UUID}" == refusal(text)


@pytest.mark.parametrize("nil", [UUID(int=0), NIL, "{" + NIL + "}"])
def test_nil(nil: UUID | str) -> None:
    """The nil UUID is refused: it identifies nothing."""
    assert "the nil UUID is not a variant id: it identifies nothing" == refusal(nil)


@pytest.mark.parametrize("id_format", IdFormat)
@pytest.mark.parametrize("value", [5, None, CANONICAL.encode()])
def test_other_types(value: object, id_format: IdFormat) -> None:
    """A value that is neither a text nor a UUID is refused in both formats."""
    assert f"{value!r} is not a variant id: it must be a uuid.UUID or a str" == refusal(
        value, id_format
    )


@pytest.mark.parametrize("text", ["!", "~", "SCARF-BLUE", "scarf/blue?#%", "...", ".a", "x" * 128])
def test_text_format(text: str) -> None:
    """In text format, 1 to 128 characters from `!` to `~` are an id as they stand."""
    assert text is variant_id(text, IdFormat.TEXT)


def test_case_counts_in_text_format() -> None:
    """In text format, a UUID in capitals is another id than the same one in lower case."""
    assert CANONICAL.upper() == variant_id(CANONICAL.upper(), IdFormat.TEXT)


def test_uuid_objects_in_text_format() -> None:
    """In text format, a UUID object has the id that it has in the other format."""
    assert CANONICAL == variant_id(UUID(CANONICAL), IdFormat.TEXT)


@pytest.mark.parametrize(
    "text",
    ["", ".", "..", "two words", "line\n", "SCARF\n", "\t", "\x7f", "café", "\N{EN DASH}", NIL],
)
def test_not_a_text_id(text: str) -> None:
    """In text format, other characters, the parts of a path and the nil UUID are refused."""
    assert f"{text!r} is not a variant id: {NO_TEXT_ID}" == refusal(text, IdFormat.TEXT)


def test_too_long_for_text_format() -> None:
    """In text format, 129 characters are refused, and not quoted whole."""
    assert f"'{'x' * 57}...' is not a variant id: {NO_TEXT_ID}" == refusal("x" * 129, IdFormat.TEXT)


@pytest.mark.parametrize(("sku", "text"), [(Sku.SCARF, "SCARF-BLUE"), (Loud("scarf"), "scarf")])
def test_a_subclass_of_str_becomes_plain_text(sku: str, text: str) -> None:
    """The id of an instance of a `str` subclass is its own characters, as a plain `str`."""
    found = variant_id(sku, IdFormat.TEXT)

    assert (text, str) == (found, type(found))


@pytest.mark.parametrize("text", ["!", "~", "SCARF-BLUE", CANONICAL, CANONICAL.upper(), "x" * 128])
def test_is_variant_id(text: str) -> None:
    """Canonical ids of both formats are recognised."""
    assert is_variant_id(text)


@pytest.mark.parametrize("text", ["", ".", "..", " ", "SCARF\n", "é", "x" * 129, NIL])
def test_is_no_variant_id(text: str) -> None:
    """Text that is an id in neither format is not recognised."""
    assert not is_variant_id(text)


def test_ids_once_in_the_order_of_first_occurrence() -> None:
    """`distinct` drops repetitions and keeps the order."""
    a, b = ProductVariantId("a"), ProductVariantId("b")

    assert [b, a] == distinct(iter([b, a, b, a]))
