from uuid import UUID, uuid4

import pytest

from shelfport import variant_id
from shelfport.domain.model import distinct, variant_ids

TEXT = "c9bf9e57-1685-4c89-bafb-ff5af830be8a"


def test_from_text() -> None:
    """Text that is a UUID becomes that UUID."""
    assert UUID(TEXT) == variant_id(TEXT)


def test_from_uuid() -> None:
    """A UUID is taken as it is."""
    uuid = uuid4()

    assert uuid is variant_id(uuid)


@pytest.mark.parametrize("text", ["", "abc", TEXT + "0", "12", "x" * 60])
def test_not_a_uuid(text: str) -> None:
    """Other text is refused; the message quotes it and shows an example."""
    with pytest.raises(ValueError, match="is not a variant id") as info:
        variant_id(text)

    assert (
        f"{text!r} is not a variant id: it must be a UUID, "
        "such as 'c9bf9e57-1685-4c89-bafb-ff5af830be8a'" == str(info.value)
    )


@pytest.mark.parametrize("length", [61, 10_000])
def test_long_text_is_not_quoted_whole(length: int) -> None:
    """At most 60 characters of a long text are quoted."""
    text = ("0123456789" * 1000)[:length]

    with pytest.raises(ValueError, match="is not a variant id") as info:
        variant_id(text)

    assert (
        f"'{'0123456789' * 5}0123456...' is not a variant id: it must be a UUID, "
        "such as 'c9bf9e57-1685-4c89-bafb-ff5af830be8a'" == str(info.value)
    )


@pytest.mark.parametrize("nil", [UUID(int=0), str(UUID(int=0))])
def test_nil(nil: UUID | str) -> None:
    """The nil UUID is refused: it identifies nothing."""
    with pytest.raises(ValueError, match="nil") as info:
        variant_id(nil)

    assert "the nil UUID is not a variant id: it identifies nothing" == str(info.value)


def test_other_types() -> None:
    """A value of another type is refused."""
    with pytest.raises(ValueError, match="5") as info:
        variant_id(5)  # type: ignore[arg-type]  # the point of the test

    assert "5 is not a variant id: it must be a uuid.UUID or a str" == str(info.value)


def test_a_page_of_uuids_is_taken_as_it_is() -> None:
    """A page of valid UUIDs costs no copy."""
    page = [uuid4(), uuid4()]

    assert page is variant_ids(page)


def test_a_page_of_text_becomes_uuids() -> None:
    """Every text of a page is converted, in order; UUIDs beside them stay."""
    uuid = uuid4()

    assert [UUID(TEXT), uuid] == variant_ids([TEXT, uuid])


@pytest.mark.parametrize("value", [UUID(int=0), "abc"])
def test_a_page_with_a_value_that_is_no_id_is_refused(value: UUID | str) -> None:
    """One value that is not a variant id refuses the whole page."""
    with pytest.raises(ValueError, match="is not a variant id"):
        variant_ids([uuid4(), value])


def test_ids_once_in_the_order_of_first_occurrence() -> None:
    """`distinct` drops repetitions and keeps the order."""
    a, b = variant_ids([uuid4(), uuid4()])

    assert [b, a] == distinct(iter([b, a, b, a]))
