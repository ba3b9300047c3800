"""`ProductVariantId`: the identity of a product variant, as text in one canonical form."""

import re
from collections.abc import Iterable
from enum import Enum
from typing import NewType
from uuid import UUID

ProductVariantId = NewType("ProductVariantId", str)
"""A product variant's id in its canonical form; `variant_id` makes it. See `IdFormat`."""

NIL_UUID = str(UUID(int=0))
"""It identifies nothing (RFC 9562 §5.9)."""
_CANONICAL_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TEXT = re.compile(r"[!-~]{1,128}")
_PARTS_OF_A_PATH = frozenset({".", ".."})


class IdFormat(Enum):
    """What the ids of product variants look like, at the Inventory Service and everywhere else."""

    UUID = "uuid"
    """A UUID other than nil. Its canonical form is RFC 9562's: 36 characters, in lower case."""
    TEXT = "text"
    """1 to 128 ASCII characters from `!` to `~`, such as a SKU; case counts. Neither `.` nor `..`:
    in an address they mean a folder."""


def variant_id(value: UUID | str, id_format: IdFormat = IdFormat.UUID) -> ProductVariantId:
    """Turn a UUID or text into a `ProductVariantId`.

    With UUIDs, text may have any form that Python's `UUID` accepts.

    >>> variant_id("{C9BF9E57-1685-4C89-BAFB-FF5AF830BE8A}")
    'c9bf9e57-1685-4c89-bafb-ff5af830be8a'
    >>> variant_id("SCARF-BLUE", IdFormat.TEXT)
    'SCARF-BLUE'

    Raises:
        ValueError: the value is not an id of this format; the message quotes it.
    """
    if isinstance(value, UUID):
        text = str(value)
    elif isinstance(value, str):
        text = str.__str__(value)  # plain text, also of a subclass
    else:
        raise ValueError(f"{value!r} is not a variant id: it must be a uuid.UUID or a str")
    if id_format is IdFormat.TEXT:
        if not is_variant_id(text):
            raise ValueError(
                f"{_shown(text)} is not a variant id: it must be 1 to 128 ASCII characters from "
                "'!' to '~', and not '.' or '..'"
            )
        return ProductVariantId(text)
    if _CANONICAL_UUID.fullmatch(text) is None:
        try:
            text = str(UUID(text))
        except ValueError:
            raise ValueError(
                f"{_shown(text)} is not a variant id: it must be a UUID, "
                "such as 'c9bf9e57-1685-4c89-bafb-ff5af830be8a'"
            ) from None
    if text == NIL_UUID:
        raise ValueError("the nil UUID is not a variant id: it identifies nothing")
    return ProductVariantId(text)


def is_variant_id(text: str) -> bool:
    """Whether `text` is a canonical id of any format; the nil UUID is none."""
    return _TEXT.fullmatch(text) is not None and text not in _PARTS_OF_A_PATH and text != NIL_UUID


def distinct(ids: Iterable[ProductVariantId]) -> list[ProductVariantId]:
    """Each of `ids` once, in the order of first occurrence."""
    return list(dict.fromkeys(ids))


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:57]}...")
